import { specOf } from '@waybill/event-store/decider-spec';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import {
  type AccountCommand,
  accountDecider,
  type AccountEvent,
  type ConnectAccount,
  type Credentials,
  type EncryptionKey,
  type RecordProof,
} from './index.js';

const credentials: Credentials = {
  method: 'password',
  authentication: { host: 'sftp.partner.example', port: 22, username: 'acme' },
  secretRef: 'ref-1',
  credentialsFingerprint: 'aaaa',
  address: 'sftp.partner.example:22',
};
const renewed: Credentials = { ...credentials, secretRef: 'ref-2', credentialsFingerprint: 'bbbb' };
const encryptionKey: EncryptionKey = {
  armored: '-----BEGIN PGP PUBLIC KEY BLOCK-----',
  fingerprint: 'f1',
  algorithm: 'rsa',
  bits: 4096,
  userIds: ['Partner <in@partner.example>'],
  expiresAt: null,
};
const check = {
  name: 'authenticate',
  outcome: 'passed',
  call: 'SSH_MSG_USERAUTH_REQUEST',
  resource: 'sftp://sftp.partner.example:22',
  code: 'ok',
  message: 'The server accepted the password.',
  remedy: '',
  durationMs: 12,
} as const;
const failed = { ...check, outcome: 'failed', code: 'bad-secret' } as const;
const findings = { hostKey: 'SHA256:abc' };
const hostKey = { fingerprint: 'SHA256:abc', algorithm: 'ssh-ed25519' };

const connect: ConnectAccount = {
  type: 'ConnectAccount',
  accountId: 'a',
  validationId: 'v1',
  destinationType: 'sftp',
  name: 'Partner',
  encryptionKey: null,
  encryption: true,
  ...credentials,
};
const passed: RecordProof = { type: 'RecordProof', validationId: 'v1', outcome: 'passed', checks: [check], findings };
const refused: RecordProof = {
  type: 'RecordProof',
  validationId: 'v1',
  outcome: 'failed',
  checks: [failed],
  findings: {},
};

const requested: AccountEvent = {
  type: 'AccountConnectionRequested',
  data: { accountId: 'a', validationId: 'v1', type: 'sftp', name: 'Partner', encryptionKey: null, ...credentials },
};
const connected: AccountEvent = { type: 'AccountConnected', data: { validationId: 'v1', checks: [check], findings } };
const rejected: AccountEvent = {
  type: 'AccountConnectionRejected',
  data: { validationId: 'v1', checks: [failed], retiredSecretRefs: ['ref-1'] },
};
const rotationRequested: AccountEvent = {
  type: 'CredentialsRotationRequested',
  data: { validationId: 'v2', findings, ...renewed },
};
const rotated: AccountEvent = {
  type: 'CredentialsRotated',
  data: { ...renewed, validationId: 'v2', checks: [check], findings, retiredSecretRefs: ['ref-1'] },
};
const keyAttached: AccountEvent = { type: 'EncryptionKeyAttached', data: { encryptionKey, replaced: null } };
const disconnectionRequested: AccountEvent = { type: 'AccountDisconnectionRequested', data: {} };
const disconnected: AccountEvent = { type: 'AccountDisconnected', data: { retiredSecretRefs: ['ref-1'] } };

const after = (...events: readonly AccountEvent[]) => fold(accountDecider, events);
const given = specOf(accountDecider);
const decide = (events: readonly AccountEvent[], command: AccountCommand) =>
  accountDecider.decide(command, fold(accountDecider, events));

describe('An account that does not exist yet', () => {
  it('is requested with a reference to its secret', () => {
    given([]).when(connect).then([requested]);
  });

  it('takes an encryption key along', () => {
    expect(decide([], { ...connect, encryptionKey })).toMatchObject([{ data: { encryptionKey } }]);
  });

  it('takes no encryption key where the type delivers events', () => {
    given([])
      .when({ ...connect, encryptionKey, encryption: false })
      .thenRefuses('encryption-not-supported');
  });

  it('takes no encryption key that an event could not hold', () => {
    const huge = { ...encryptionKey, armored: 'x'.repeat(32 * 1024 + 1) };
    given([])
      .when({ ...connect, encryptionKey: huge })
      .thenRefuses('encryption-key-too-large');
  });

  it.each<AccountCommand>([
    { type: 'RenameAccount', name: 'x' },
    { type: 'RequestDisconnection' },
    { type: 'RemoveEncryptionKey' },
    { type: 'RequestCredentialsRotation', validationId: 'v2', ...renewed },
  ])('is not found by $type', (command) => {
    given([]).when(command).thenRefuses('account-not-found');
  });
});

describe('A requested account', () => {
  it('is connected by its proof', () => {
    given([requested]).when(passed).then([connected]);
    expect(after(requested, connected)).toMatchObject({ status: 'connected', credentials, findings, rotation: null });
  });

  it('is rejected by a failed proof, and its secret is retired', () => {
    given([requested]).when(refused).then([rejected]);
    expect(after(requested, rejected)).toMatchObject({ status: 'rejected', checks: [failed] });
  });

  it('remembers the host key that nobody has confirmed', () => {
    const events = decide([requested], { ...refused, unconfirmedHostKey: hostKey });
    expect(after(requested, ...events)).toMatchObject({ status: 'rejected', unconfirmedHostKey: hostKey });
  });

  it('does not listen to the proof of something else', () => {
    given([requested])
      .when({ ...passed, validationId: 'v9' })
      .thenNothing();
  });

  it('cannot be changed before it is settled', () => {
    given([requested]).when({ type: 'RenameAccount', name: 'x' }).thenRefuses('account-connecting');
  });

  it('cannot be requested again', () => {
    given([requested]).when(connect).thenRefuses('account-exists');
  });
});

describe('A rejected account', () => {
  it('is not found by later commands', () => {
    given([requested, rejected]).when({ type: 'RenameAccount', name: 'x' }).thenRefuses('account-not-found');
  });

  it('stays rejected when a proof is told twice, or otherwise', () => {
    given([requested, rejected]).when(refused).thenNothing();
    given([requested, rejected]).when(passed).thenNothing();
  });
});

describe('A connected account', () => {
  const account = [requested, connected];

  it('hears the same proof twice without a second event', () => {
    given(account).when(passed).thenNothing();
  });

  it('is renamed, and not when the name is the same', () => {
    given(account)
      .when({ type: 'RenameAccount', name: 'Other' })
      .then([{ type: 'AccountRenamed', data: { name: 'Other' } }]);
    given(account).when({ type: 'RenameAccount', name: 'Partner' }).thenNothing();
  });

  it('keeps the pinned host key for new credentials at the same address', () => {
    given(account)
      .when({ type: 'RequestCredentialsRotation', validationId: 'v2', ...renewed })
      .then([rotationRequested]);
  });

  it('knows nothing of another address', () => {
    const moved = { ...renewed, address: 'new.partner.example:22' };
    expect(decide(account, { type: 'RequestCredentialsRotation', validationId: 'v2', ...moved })).toMatchObject([
      { data: { findings: {} } },
    ]);
  });

  it('uses the old credentials until the new ones are proven', () => {
    expect(after(...account, rotationRequested)).toMatchObject({ credentials, validationId: 'v1' });
  });

  it('takes the proven credentials and retires the old secret', () => {
    given([...account, rotationRequested])
      .when({ ...passed, validationId: 'v2' })
      .then([rotated]);
    expect(after(...account, rotationRequested, rotated)).toMatchObject({
      credentials: renewed,
      validationId: 'v2',
      rotation: null,
    });
  });

  it('keeps the old credentials when the new ones fail, and retires the new secret', () => {
    const events = decide([...account, rotationRequested], { ...refused, validationId: 'v2' });
    expect(events).toMatchObject([{ type: 'CredentialsRotationRejected', data: { retiredSecretRefs: ['ref-2'] } }]);
    expect(after(...account, rotationRequested, ...events)).toMatchObject({
      credentials,
      rotation: null,
      lastRotation: { validationId: 'v2', outcome: 'rejected', checks: [failed] },
    });
  });

  it('proves one rotation at a time', () => {
    const again: AccountCommand = { type: 'RequestCredentialsRotation', validationId: 'v3', ...renewed };
    given([...account, rotationRequested])
      .when(again)
      .thenRefuses('rotation-in-progress');
  });

  it('attaches, replaces and removes its encryption key', () => {
    const other = { ...encryptionKey, armored: 'other', fingerprint: 'f2' };
    given(account).when({ type: 'AttachEncryptionKey', encryptionKey, encryption: true }).then([keyAttached]);
    given([...account, keyAttached])
      .when({ type: 'AttachEncryptionKey', encryptionKey: other, encryption: true })
      .then([{ type: 'EncryptionKeyAttached', data: { encryptionKey: other, replaced: 'f1' } }]);
    given([...account, keyAttached])
      .when({ type: 'RemoveEncryptionKey' })
      .then([{ type: 'EncryptionKeyRemoved', data: { fingerprint: 'f1' } }]);
  });

  it('does nothing for the key it has, or has not', () => {
    given([...account, keyAttached])
      .when({ type: 'AttachEncryptionKey', encryptionKey, encryption: true })
      .thenNothing();
    given(account).when({ type: 'RemoveEncryptionKey' }).thenNothing();
  });
});

describe('An account to be disconnected', () => {
  const account = [requested, connected];

  it('refuses new uses from the request on, without being gone', () => {
    given(account).when({ type: 'RequestDisconnection' }).then([disconnectionRequested]);
    expect(after(...account, disconnectionRequested)).toMatchObject({ status: 'disconnecting', credentials });
  });

  it('is not requested twice', () => {
    given([...account, disconnectionRequested])
      .when({ type: 'RequestDisconnection' })
      .thenNothing();
  });

  it('goes when nobody uses it, and its secret is retired', () => {
    given([...account, disconnectionRequested])
      .when({ type: 'SettleDisconnection', uses: [] })
      .then([disconnected]);
    expect(after(...account, disconnectionRequested, disconnected)).toEqual({
      status: 'disconnected',
      accountId: 'a',
      type: 'sftp',
      name: 'Partner',
    });
  });

  it('takes the secret of a pending rotation along', () => {
    given([...account, rotationRequested, disconnectionRequested])
      .when({ type: 'SettleDisconnection', uses: [] })
      .then([{ type: 'AccountDisconnected', data: { retiredSecretRefs: ['ref-1', 'ref-2'] } }]);
  });

  it('stays when a destination uses it, and can be used again', () => {
    const uses = [{ destinationId: 'd', name: 'Inbox' }];
    const events = decide([...account, disconnectionRequested], { type: 'SettleDisconnection', uses });
    expect(events).toEqual([{ type: 'AccountDisconnectionRefused', data: { uses } }]);
    expect(after(...account, disconnectionRequested, ...events)).toMatchObject({
      status: 'connected',
      refusedFor: uses,
    });
  });

  it('is not settled without a request', () => {
    given(account).when({ type: 'SettleDisconnection', uses: [] }).thenNothing();
  });

  it('takes no changes meanwhile', () => {
    given([...account, disconnectionRequested])
      .when({ type: 'RenameAccount', name: 'x' })
      .thenRefuses('account-disconnecting');
  });

  it('is not found once it is gone', () => {
    given([...account, disconnectionRequested, disconnected])
      .when({ type: 'RequestDisconnection' })
      .thenRefuses('account-not-found');
  });
});

it('No order of events makes evolve throw', () => {
  const events = [
    requested,
    connected,
    rejected,
    rotationRequested,
    rotated,
    keyAttached,
    disconnectionRequested,
    disconnected,
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
