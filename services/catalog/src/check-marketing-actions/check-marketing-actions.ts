import { Inject, Injectable } from '@nestjs/common';
import { type AnswerOf, CheckMarketingActions, readMessage } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Answerer } from '@waybill/service-kit';
import { MarketingActions } from '../list-marketing-actions/marketing-actions.js';
import { CORE_MARKETING_ACTIONS } from '../marketing-action/index.js';

type Answer = AnswerOf<typeof CheckMarketingActions>;

/** Tells the destination service which names may be stated. */
@Injectable()
export class AnswerCheckMarketingActions implements Answerer {
  readonly answers = CheckMarketingActions.type;

  constructor(@Inject(MarketingActions) private readonly actions: MarketingActions) {}

  async answer(message: ReceivedMessage): Promise<Answer> {
    const { names } = readMessage(CheckMarketingActions, message.data);
    return {
      actions: await Promise.all(names.map(async (name) => ({ name, status: await this.statusOf(message, name) }))),
    };
  }

  private async statusOf(scope: Scope, name: string): Promise<Answer['actions'][number]['status']> {
    if (CORE_MARKETING_ACTIONS.some((action) => action.name === name)) return 'known';
    const { state } = await this.actions.load(scope, name);
    if (state.status === 'none' || state.action.name !== name) return 'unknown';
    return state.status === 'removing' ? 'being-removed' : 'known';
  }
}
