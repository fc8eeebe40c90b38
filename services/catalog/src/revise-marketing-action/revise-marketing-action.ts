import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import type { Executed } from '@waybill/service-kit';
import { MarketingActions } from '../list-marketing-actions/marketing-actions.js';
import type { MarketingActionState } from '../marketing-action/index.js';

export class ReviseMarketingAction extends Command<Executed<MarketingActionState>> {
  constructor(
    readonly context: CommandContext,
    readonly name: string,
    readonly change: { readonly friendlyName?: string; readonly description?: string },
  ) {
    super();
  }
}

@CommandHandler(ReviseMarketingAction)
export class ReviseMarketingActionHandler implements ICommandHandler<ReviseMarketingAction> {
  constructor(@Inject(MarketingActions) private readonly actions: MarketingActions) {}

  execute({ context, name, change }: ReviseMarketingAction) {
    return this.actions.execute({ type: 'ReviseMarketingAction', name, ...change }, context);
  }
}
