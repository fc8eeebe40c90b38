import Type from 'typebox';
import { defineEvent, defineQuestion } from './define.js';
import { Check, Findings, HostKey, Id, Name, OpenFields, Revision, SecretRef, Time } from './shapes.js';

/** What a proof of credentials works with; the secret itself stays in the vault. */
export const CredentialsToProve = Type.Object({
  validationId: Id,
  accountId: Id,
  type: Name,
  method: Name,
  authentication: OpenFields,
  secretRef: SecretRef,
  findings: Findings,
});

const about = { accountId: Id, revision: Revision };

/** Validation proves what it reads here and tells the outcome as its own event. */
export const AccountConnectionRequested = defineEvent(
  'account',
  'AccountConnectionRequested',
  Type.Object({ ...CredentialsToProve.properties, revision: Revision }),
);
/** The same for new credentials of an account that stands. */
export const CredentialsRotationRequested = defineEvent(
  'account',
  'CredentialsRotationRequested',
  Type.Object({ ...CredentialsToProve.properties, revision: Revision }),
);

export const AccountConnected = defineEvent(
  'account',
  'AccountConnected',
  Type.Object({ ...about, type: Name, name: Type.String(), address: Type.String(), method: Name, validationId: Id }),
);
export const AccountConnectionRejected = defineEvent(
  'account',
  'AccountConnectionRejected',
  Type.Object({
    ...about,
    type: Name,
    name: Type.String(),
    validationId: Id,
    checks: Type.Array(Type.Pick(Check, ['name', 'outcome', 'code', 'message'])),
    unconfirmedHostKey: Type.Optional(HostKey),
  }),
);
export const AccountRenamed = defineEvent('account', 'AccountRenamed', Type.Object({ ...about, name: Type.String() }));
export const CredentialsRotated = defineEvent(
  'account',
  'CredentialsRotated',
  Type.Object({ ...about, method: Name, address: Type.String(), validationId: Id }),
);
export const CredentialsRotationRejected = defineEvent(
  'account',
  'CredentialsRotationRejected',
  Type.Object({
    ...about,
    validationId: Id,
    checks: Type.Array(Type.Pick(Check, ['name', 'outcome', 'code', 'message'])),
    unconfirmedHostKey: Type.Optional(HostKey),
  }),
);
export const EncryptionKeyAttached = defineEvent(
  'account',
  'EncryptionKeyAttached',
  Type.Object({ ...about, fingerprint: Type.String(), expiresAt: Type.Union([Time, Type.Null()]) }),
);
export const EncryptionKeyRemoved = defineEvent(
  'account',
  'EncryptionKeyRemoved',
  Type.Object({ ...about, fingerprint: Type.String() }),
);
/** Whoever hears it asks who uses the account; for the account service itself. */
export const AccountDisconnectionRequested = defineEvent(
  'account',
  'AccountDisconnectionRequested',
  Type.Object(about),
);
export const AccountDisconnected = defineEvent('account', 'AccountDisconnected', Type.Object({ ...about, type: Name }));

/** Everything that proving a target or delivering needs of an account. Refused with `account-not-found`. */
export const DescribeAccount = defineQuestion(
  'account',
  'DescribeAccount',
  Type.Object({ accountId: Id }),
  Type.Object({
    ...about,
    type: Name,
    name: Type.String(),
    /** Only a `connected` one may be used; `disconnecting` refuses new uses until its removal is settled. */
    status: Type.Enum(['connecting', 'connected', 'rejected', 'disconnecting', 'disconnected']),
    method: Name,
    address: Type.String(),
    authentication: OpenFields,
    secretRef: SecretRef,
    credentialsFingerprint: Type.String(),
    findings: Findings,
    encryptionKey: Type.Union([Type.Object({ armored: Type.String(), fingerprint: Type.String() }), Type.Null()]),
  }),
);
