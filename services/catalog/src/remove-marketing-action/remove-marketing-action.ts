import { Inject, Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ListUsesOfMarketingAction, MarketingActionRemovalRequested, readMessage } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import { contextAfter, type Listener, SERVICE, type Service } from '@waybill/service-kit';
import { MarketingActions } from '../list-marketing-actions/marketing-actions.js';

export class RemoveMarketingAction extends Command<void> {
  constructor(
    readonly context: CommandContext,
    readonly name: string,
  ) {
    super();
  }
}

@CommandHandler(RemoveMarketingAction)
export class RemoveMarketingActionHandler implements ICommandHandler<RemoveMarketingAction> {
  constructor(@Inject(MarketingActions) private readonly actions: MarketingActions) {}

  async execute({ context, name }: RemoveMarketingAction): Promise<void> {
    await this.actions.execute({ type: 'RequestMarketingActionRemoval', name }, context);
  }
}

/** Asks who states the action only after the request is on record: whoever states it later is refused. */
@Injectable()
export class SettleMarketingActionRemoval implements Listener {
  readonly listensTo = [MarketingActionRemovalRequested.type];

  constructor(
    @Inject(MarketingActions) private readonly actions: MarketingActions,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { name } = readMessage(MarketingActionRemovalRequested, message.data);
    const { uses } = await this.service.ask(ListUsesOfMarketingAction, { name }, message);
    await this.actions.execute({ type: 'SettleMarketingActionRemoval', name, uses }, contextAfter(message));
  }
}
