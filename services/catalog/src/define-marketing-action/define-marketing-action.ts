import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import type { Executed } from '@waybill/service-kit';
import { MarketingActions } from '../list-marketing-actions/marketing-actions.js';
import type { MarketingAction, MarketingActionState } from '../marketing-action/index.js';

export class DefineMarketingAction extends Command<Executed<MarketingActionState>> {
  constructor(
    readonly context: CommandContext,
    readonly action: MarketingAction,
  ) {
    super();
  }
}

@CommandHandler(DefineMarketingAction)
export class DefineMarketingActionHandler implements ICommandHandler<DefineMarketingAction> {
  constructor(@Inject(MarketingActions) private readonly actions: MarketingActions) {}

  execute({ context, action }: DefineMarketingAction) {
    return this.actions.execute({ type: 'DefineMarketingAction', ...action }, context);
  }
}
