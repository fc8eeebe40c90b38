import { accountMessages } from '@waybill/contracts';
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
    AccountConnectionRequested: as(
      accountMessages.AccountConnectionRequested,
      (event: Recorded<'AccountConnectionRequested'>) => ({ ...event.data, ...about(event), findings: {} }),
    ),
    AccountConnected: as(accountMessages.AccountConnected, (event: Recorded<'AccountConnected'>, account: Standing) => ({
      ...about(event),
      type: account.type,
      name: account.name,
      address: account.credentials.address,
      method: account.credentials.method,
      validationId: event.data.validationId,
    })),
    AccountConnectionRejected: as(
      accountMessages.AccountConnectionRejected,
      (event: Recorded<'AccountConnectionRejected'>, { type, name }: Rejected) => ({
        ...about(event),
        type,
        name,
        ...event.data,
      }),
    ),
    AccountRenamed: as(accountMessages.AccountRenamed, (event: Recorded<'AccountRenamed'>) => ({
      ...about(event),
      name: event.data.name,
    })),
    CredentialsRotationRequested: as(
      accountMessages.CredentialsRotationRequested,
      (event: Recorded<'CredentialsRotationRequested'>, { type }: Standing) => ({ ...about(event), type, ...event.data }),
    ),
    CredentialsRotated: as(accountMessages.CredentialsRotated, (event: Recorded<'CredentialsRotated'>) => ({
      ...about(event),
      ...event.data,
    })),
    CredentialsRotationRejected: as(
      accountMessages.CredentialsRotationRejected,
      (event: Recorded<'CredentialsRotationRejected'>) => ({ ...about(event), ...event.data }),
    ),
    EncryptionKeyAttached: as(accountMessages.EncryptionKeyAttached, (event: Recorded<'EncryptionKeyAttached'>) => ({
      ...about(event),
      fingerprint: event.data.encryptionKey.fingerprint,
      expiresAt: event.data.encryptionKey.expiresAt,
    })),
    EncryptionKeyRemoved: as(accountMessages.EncryptionKeyRemoved, (event: Recorded<'EncryptionKeyRemoved'>) => ({
      ...about(event),
      ...event.data,
    })),
    AccountDisconnectionRequested: as(
      accountMessages.AccountDisconnectionRequested,
      (event: Recorded<'AccountDisconnectionRequested'>) => about(event),
    ),
    AccountDisconnected: as(accountMessages.AccountDisconnected, (event: Recorded<'AccountDisconnected'>, { type }: Standing) => ({
      ...about(event),
      type,
    })),
  },
};
