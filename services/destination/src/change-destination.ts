import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import type { DestinationCommand } from './destination/index.js';
import { Destinations } from './view/destinations.js';

/** A change that the destination decides by itself, with nobody to ask. */
export class ChangeDestination extends Command<void> {
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

  async execute({ context, destinationId, change }: ChangeDestination): Promise<void> {
    await this.destinations.execute(destinationId, change, context);
  }
}
