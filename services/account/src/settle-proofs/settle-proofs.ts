import { Inject, Injectable } from '@nestjs/common';
import { CredentialsRejected, CredentialsValidated, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import { contextAfter, type Listener } from '@waybill/service-kit';
import type { RecordProof } from '../account/index.js';
import { Accounts } from '../view/accounts.js';

/** Takes the outcome of a proof to the account that waits for it; any other proof is none of its business. */
@Injectable()
export class SettleProofs implements Listener {
  readonly listensTo = [CredentialsValidated.type, CredentialsRejected.type];

  constructor(@Inject(Accounts) private readonly accounts: Accounts) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { accountId, proof } = proofOf(message);
    await this.accounts.execute(accountId, proof, contextAfter(message));
  }
}

const proofOf = (message: ReceivedMessage): { accountId: string; proof: RecordProof } => {
  if (message.type === CredentialsValidated.type) {
    const { accountId, validationId, checks, findings } = readMessage(CredentialsValidated, message.data);
    return { accountId, proof: { type: 'RecordProof', validationId, outcome: 'passed', checks, findings } };
  }
  const { accountId, validationId, checks, unconfirmedHostKey } = readMessage(CredentialsRejected, message.data);
  const unconfirmed = unconfirmedHostKey === undefined ? {} : { unconfirmedHostKey };
  return {
    accountId,
    proof: { type: 'RecordProof', validationId, outcome: 'failed', checks, findings: {}, ...unconfirmed },
  };
};
