import type { Check, Findings, HostKey } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import type { AccountEvent, Credentials, EncryptionKey, Use } from './events.js';
import { type AccountState, isStanding, type Rotation, type Standing } from './state.js';

export interface ConnectAccount extends Credentials {
  readonly type: 'ConnectAccount';
  readonly accountId: string;
  readonly validationId: string;
  readonly destinationType: string;
  readonly name: string;
  readonly encryptionKey: EncryptionKey | null;
  /** Whether accounts of this type may hold an encryption key. */
  readonly encryption: boolean;
}
export interface RequestCredentialsRotation extends Credentials {
  readonly type: 'RequestCredentialsRotation';
  readonly validationId: string;
}
/** What validation found of a connection or a rotation. Anything else it found is not the account's to record. */
export interface RecordProof {
  readonly type: 'RecordProof';
  readonly validationId: string;
  readonly outcome: 'passed' | 'failed';
  readonly checks: readonly Check[];
  readonly findings: Findings;
  readonly unconfirmedHostKey?: HostKey;
}
export interface RenameAccount {
  readonly type: 'RenameAccount';
  readonly name: string;
}
/** Attaches or replaces. */
export interface AttachEncryptionKey {
  readonly type: 'AttachEncryptionKey';
  readonly encryptionKey: EncryptionKey;
  readonly encryption: boolean;
}
export interface RemoveEncryptionKey {
  readonly type: 'RemoveEncryptionKey';
}
/** From here on nobody else may begin to use it; then ask who does, and settle. */
export interface RequestDisconnection {
  readonly type: 'RequestDisconnection';
}
export interface SettleDisconnection {
  readonly type: 'SettleDisconnection';
  /** Asked for after the request was recorded. */
  readonly uses: readonly Use[];
}

export type AccountCommand =
  | ConnectAccount
  | RequestCredentialsRotation
  | RecordProof
  | RenameAccount
  | AttachEncryptionKey
  | RemoveEncryptionKey
  | RequestDisconnection
  | SettleDisconnection;

/** Room for what stands beside the key in an event of at most 64 KiB. */
const MAX_ARMORED_BYTES = 32 * 1024;

const checkEncryptionKey = (key: EncryptionKey, encryption: boolean): void => {
  if (!encryption) {
    throw new WaybillError(
      'encryption-not-supported',
      'refused',
      'This destination type delivers events, which are not encrypted with a key of the receiver. Leave the encryption key out.',
    );
  }
  if (Buffer.byteLength(key.armored) > MAX_ARMORED_BYTES) {
    throw new WaybillError(
      'encryption-key-too-large',
      'too-large',
      `The encryption key is larger than ${MAX_ARMORED_BYTES / 1024} KiB. Export it again without photos and other people's signatures (gpg --export-options export-minimal).`,
    );
  }
};

const standing = (state: AccountState): Standing => {
  if (isStanding(state)) return state;
  if (state.status === 'connecting') {
    throw new WaybillError(
      'account-connecting',
      'conflict',
      'The credentials of this account are still being proven. Wait until it is connected or rejected.',
    );
  }
  throw accountNotFound();
};

/** For changes that make no sense on an account that is about to go. */
const connected = (state: AccountState): Standing => {
  const account = standing(state);
  if (account.status === 'connected') return account;
  throw new WaybillError('account-disconnecting', 'conflict', `The account "${account.name}" is being disconnected.`);
};

export const accountNotFound = (): WaybillError =>
  new WaybillError(
    'account-not-found',
    'not-found',
    'There is no such account. It may have been rejected or disconnected.',
  );

export const accountInUse = (uses: readonly Use[]): WaybillError =>
  new WaybillError(
    'account-in-use',
    'conflict',
    `The account is used by ${uses.map(({ name }) => `"${name}"`).join(', ')}. Delete these destinations first.`,
    { extra: { destinations: uses.map(({ destinationId, name }) => ({ id: destinationId, name })) } },
  );

const connect = (command: ConnectAccount, state: AccountState): readonly AccountEvent[] => {
  if (state.status !== 'none') {
    throw new WaybillError('account-exists', 'conflict', 'There is an account with this id already.');
  }
  const { type: _, destinationType, encryption, ...data } = command;
  if (data.encryptionKey) checkEncryptionKey(data.encryptionKey, encryption);
  return [{ type: 'AccountConnectionRequested', data: { ...data, type: destinationType } }];
};

const requestRotation = (command: RequestCredentialsRotation, state: AccountState): readonly AccountEvent[] => {
  const account = connected(state);
  if (account.rotation) {
    throw new WaybillError(
      'rotation-in-progress',
      'conflict',
      'Other new credentials of this account are being proven. Wait for their outcome, then try again.',
    );
  }
  const { type: _, ...data } = command;
  const findings = data.address === account.credentials.address ? account.findings : {};
  return [{ type: 'CredentialsRotationRequested', data: { ...data, findings } }];
};

const failureOf = ({ validationId, checks, unconfirmedHostKey }: RecordProof) => ({
  validationId,
  checks,
  ...(unconfirmedHostKey && { unconfirmedHostKey }),
});

const settleRotation = (proof: RecordProof, { credentials }: Standing, rotation: Rotation): AccountEvent => {
  const { validationId, checks, findings } = proof;
  return proof.outcome === 'passed'
    ? {
        type: 'CredentialsRotated',
        data: { ...rotation.credentials, validationId, checks, findings, retiredSecretRefs: [credentials.secretRef] },
      }
    : {
        type: 'CredentialsRotationRejected',
        data: { ...failureOf(proof), retiredSecretRefs: [rotation.credentials.secretRef] },
      };
};

const recordProof = (proof: RecordProof, state: AccountState): readonly AccountEvent[] => {
  const { validationId, checks, findings } = proof;
  if (state.status === 'connecting' && state.validationId === validationId) {
    return proof.outcome === 'passed'
      ? [{ type: 'AccountConnected', data: { validationId, checks, findings } }]
      : [
          {
            type: 'AccountConnectionRejected',
            data: { ...failureOf(proof), retiredSecretRefs: [state.credentials.secretRef] },
          },
        ];
  }
  if (isStanding(state) && state.rotation?.validationId === validationId) {
    return [settleRotation(proof, state, state.rotation)];
  }
  return [];
};

const rename = ({ name }: RenameAccount, state: AccountState): readonly AccountEvent[] =>
  connected(state).name === name ? [] : [{ type: 'AccountRenamed', data: { name } }];

const attachEncryptionKey = (command: AttachEncryptionKey, state: AccountState): readonly AccountEvent[] => {
  const { encryptionKey: current } = connected(state);
  const { encryptionKey } = command;
  checkEncryptionKey(encryptionKey, command.encryption);
  if (current?.armored === encryptionKey.armored) return [];
  return [{ type: 'EncryptionKeyAttached', data: { encryptionKey, replaced: current?.fingerprint ?? null } }];
};

const removeEncryptionKey = (state: AccountState): readonly AccountEvent[] => {
  const { encryptionKey } = connected(state);
  return encryptionKey ? [{ type: 'EncryptionKeyRemoved', data: { fingerprint: encryptionKey.fingerprint } }] : [];
};

const requestDisconnection = (state: AccountState): readonly AccountEvent[] =>
  standing(state).status === 'disconnecting' ? [] : [{ type: 'AccountDisconnectionRequested', data: {} }];

const settleDisconnection = ({ uses }: SettleDisconnection, state: AccountState): readonly AccountEvent[] => {
  if (state.status !== 'disconnecting') return [];
  if (uses.length > 0) return [{ type: 'AccountDisconnectionRefused', data: { uses } }];
  const pending = state.rotation ? [state.rotation.credentials.secretRef] : [];
  return [{ type: 'AccountDisconnected', data: { retiredSecretRefs: [state.credentials.secretRef, ...pending] } }];
};

export const decide = (command: AccountCommand, state: AccountState): readonly AccountEvent[] => {
  switch (command.type) {
    case 'ConnectAccount':
      return connect(command, state);
    case 'RequestCredentialsRotation':
      return requestRotation(command, state);
    case 'RecordProof':
      return recordProof(command, state);
    case 'RenameAccount':
      return rename(command, state);
    case 'AttachEncryptionKey':
      return attachEncryptionKey(command, state);
    case 'RemoveEncryptionKey':
      return removeEncryptionKey(state);
    case 'RequestDisconnection':
      return requestDisconnection(state);
    case 'SettleDisconnection':
      return settleDisconnection(command, state);
  }
};
