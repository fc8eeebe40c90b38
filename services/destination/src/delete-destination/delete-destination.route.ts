import { Delete, HttpCode, Inject, Param } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiNoContentResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Outcome, ServiceController, Summary } from '@waybill/service-kit';
import { ChangeDestination } from '../change-destination.js';

@ServiceController('v1/destinations', 'destinations')
export class DeleteDestinationRoute {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /** Ends a destination; its history stays, and nothing at the partner is touched. */
  @Delete(':id')
  @Summary('Delete a destination')
  @HttpCode(204)
  @ApiNoContentResponse()
  async remove(@Context() context: CommandContext, @Param('id') id: string) {
    const { revision, position } = await this.commands.execute(
      new ChangeDestination(context, id, { type: 'DeleteDestination' }),
    );
    return new Outcome(undefined, { status: 204, revision, position });
  }
}
