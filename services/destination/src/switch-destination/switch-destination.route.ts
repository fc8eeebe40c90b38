import { HttpCode, Inject, Param, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, ServiceController, Summary } from '@waybill/service-kit';
import { ChangeDestination } from '../change-destination.js';
import { DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

@ServiceController('v1/destinations/:id', 'destinations')
export class SwitchDestinationRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Stops all exports until it is enabled again; it can still be changed. */
  @Post('disable')
  @Summary('Disable a destination')
  @HttpCode(200)
  @ApiOkResponse({ type: DestinationView })
  async disable(@Context() context: CommandContext, @Param('id') id: string) {
    await this.commands.execute(new ChangeDestination(context, id, { type: 'DisableDestination' }));
    return this.destinations.answer(context, id);
  }

  /** Exports go on with the next slot; those missed meanwhile are not made up for. */
  @Post('enable')
  @Summary('Enable a destination')
  @HttpCode(200)
  @ApiOkResponse({ type: DestinationView })
  async enable(@Context() context: CommandContext, @Param('id') id: string) {
    await this.commands.execute(new ChangeDestination(context, id, { type: 'EnableDestination', at: context.at }));
    return this.destinations.answer(context, id);
  }
}
