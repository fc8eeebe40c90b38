import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, DescribeAccount, readMessage } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '@waybill/service-kit';
import { Accounts } from '../view/accounts.js';

/** What proving a target and delivering need of an account, fresh from its stream. */
@Injectable()
export class AnswerDescribeAccount implements Answerer {
  readonly answers = DescribeAccount.type;

  constructor(@Inject(Accounts) private readonly accounts: Accounts) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof DescribeAccount>> {
    const { accountId } = readMessage(DescribeAccount, message.data);
    const { state, revision } = await this.accounts.standing(message, accountId);
    const { type, name, status, credentials, findings, encryptionKey } = state;
    return {
      accountId,
      revision,
      type,
      name,
      status,
      ...credentials,
      findings,
      encryptionKey: encryptionKey && { armored: encryptionKey.armored, fingerprint: encryptionKey.fingerprint },
    };
  }
}
