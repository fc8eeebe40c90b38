import {
  AccountConnected,
  AccountConnectionRejected,
  AccountConnectionRequested,
  AccountDisconnected,
  AccountDisconnectionRequested,
  AccountRenamed,
  CredentialsRotated,
  CredentialsRotationRejected,
  CredentialsRotationRequested,
  EncryptionKeyAttached,
  EncryptionKeyRemoved,
} from '@waybill/contracts';
import { idOf, type RecordedEvent } from '@waybill/kernel';
import { as, type Publications } from '@waybill/service-kit';
import type { AccountEvent, Rejected, Standing } from '../account/index.js';
import { accountStream } from '../stream.js';

type Recorded<Type extends AccountEvent['type']> = RecordedEvent<Extract<AccountEvent, { type: Type }>>;

const about = ({ stream, revision }: RecordedEvent) => ({ accountId: idOf(stream), revision });

/** Which events of accounts leave the service, and how they look outside. */
export const accountPublications: Publications = {
  streamType: accountStream,
  byEvent: {
    AccountConnectionRequested: as(AccountConnectionRequested, (event: Recorded<'AccountConnectionRequested'>) => ({
      ...event.data,
      ...about(event),
      findings: {},
    })),
    AccountConnected: as(AccountConnected, (event: Recorded<'AccountConnected'>, account: Standing) => ({
      ...about(event),
      type: account.type,
      name: account.name,
      address: account.credentials.address,
      method: account.credentials.method,
      validationId: event.data.validationId,
    })),
    AccountConnectionRejected: as(
      AccountConnectionRejected,
      (event: Recorded<'AccountConnectionRejected'>, { type, name }: Rejected) => ({
        ...about(event),
        type,
        name,
        ...event.data,
      }),
    ),
    AccountRenamed: as(AccountRenamed, (event: Recorded<'AccountRenamed'>) => ({
      ...about(event),
      name: event.data.name,
    })),
    CredentialsRotationRequested: as(
      CredentialsRotationRequested,
      (event: Recorded<'CredentialsRotationRequested'>, { type }: Standing) => ({
        ...about(event),
        type,
        ...event.data,
      }),
    ),
    CredentialsRotated: as(CredentialsRotated, (event: Recorded<'CredentialsRotated'>) => ({
      ...about(event),
      ...event.data,
    })),
    CredentialsRotationRejected: as(CredentialsRotationRejected, (event: Recorded<'CredentialsRotationRejected'>) => ({
      ...about(event),
      ...event.data,
    })),
    EncryptionKeyAttached: as(EncryptionKeyAttached, (event: Recorded<'EncryptionKeyAttached'>) => ({
      ...about(event),
      fingerprint: event.data.encryptionKey.fingerprint,
      expiresAt: event.data.encryptionKey.expiresAt,
    })),
    EncryptionKeyRemoved: as(EncryptionKeyRemoved, (event: Recorded<'EncryptionKeyRemoved'>) => ({
      ...about(event),
      ...event.data,
    })),
    AccountDisconnectionRequested: as(
      AccountDisconnectionRequested,
      (event: Recorded<'AccountDisconnectionRequested'>) => about(event),
    ),
    AccountDisconnected: as(AccountDisconnected, (event: Recorded<'AccountDisconnected'>, { type }: Standing) => ({
      ...about(event),
      type,
    })),
  },
};
