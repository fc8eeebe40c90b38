import { Inject, Injectable } from '@nestjs/common';
import {
  AccountConnectionRejected,
  AccountDisconnected,
  CredentialsRotated,
  CredentialsRotationRejected,
} from '@waybill/contracts';
import type { EventStore } from '@waybill/event-store';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Vault } from '@waybill/secrets';
import { EVENT_STORE, type Listener, VAULT } from '@waybill/service-kit';
import type { AccountEvent } from '../account/index.js';

/** Shreds the secrets that an account's events retire. It hears of them from the log, so no crash can make it forget. */
@Injectable()
export class RetireSecrets implements Listener {
  readonly listensTo = [
    AccountConnectionRejected.type,
    AccountDisconnected.type,
    CredentialsRotated.type,
    CredentialsRotationRejected.type,
  ];

  constructor(
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { events } = await this.store.readStream(message.subject);
    for (const { data } of events) {
      const { retiredSecretRefs } = data as Extract<AccountEvent, { type: 'AccountDisconnected' }>['data'];
      for (const ref of retiredSecretRefs ?? []) await this.vault.shred(message, ref);
    }
  }
}
