import { Body, Inject, Param, Patch } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import { IsDisplayName } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { ChangeDestination } from '../change-destination.js';
import { DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

@Example({ name: 'Weekly', description: 'For the newsletter' })
export class ReviseDestinationForm {
  @IsOptional()
  @IsDisplayName()
  name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string;
}

@ServiceController('v1/destinations', 'destinations')
export class ReviseDestinationRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Changes name and description; what is left out stays. */
  @Patch(':id')
  @Summary('Revise name and description')
  @ApiOkResponse({ type: DestinationView })
  async revise(@Context() context: CommandContext, @Param('id') id: string, @Body() form: ReviseDestinationForm) {
    await this.commands.execute(new ChangeDestination(context, id, { type: 'ReviseDestination', ...form }));
    return this.destinations.answer(context, id);
  }
}
