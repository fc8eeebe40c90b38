import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import type { Executed } from '@waybill/service-kit';
import type { DestinationCommand, DestinationState } from './destination/index.js';
import { Destinations } from './view/destinations.js';

/** A change that the destination decides by itself, with nobody to ask. */
export class ChangeDestination extends Command<Executed<DestinationState>> {
  constructor(
    readonly context: CommandContext,
    readonly destinationId: string,
    readonly change: Exclude<
      DestinationCommand,
      { type: 'CreateDestination' | 'ChangeTarget' | 'ChangeMarketingActions' }
    >,
  ) {
    super();
  }
}

@CommandHandler(ChangeDestination)
export class ChangeDestinationHandler implements ICommandHandler<ChangeDestination> {
  constructor(@Inject(Destinations) private readonly destinations: Destinations) {}

  execute({ context, destinationId, change }: ChangeDestination) {
    return this.destinations.execute(destinationId, change, context);
  }
}
