import { Delete, HttpCode, Inject, Param } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiNoContentResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { MarketingActions } from '../list-marketing-actions/marketing-actions.js';
import { marketingActionInUse } from '../marketing-action/index.js';
import { RemoveMarketingAction } from './remove-marketing-action.js';

@ServiceController('v1/marketing-actions', 'marketing actions')
export class RemoveMarketingActionRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(MarketingActions) private readonly actions: MarketingActions,
  ) {}

  /** Removes an action of the tenant's own; refused while a destination states it. */
  @Delete(':name')
  @Summary('Remove a marketing action')
  @HttpCode(204)
  @ApiNoContentResponse()
  async remove(@Context() context: CommandContext, @PreferWait() waitMs: number, @Param('name') name: string) {
    await this.commands.execute(new RemoveMarketingAction(context, name));
    const settled = await this.actions.settled(context, name, ({ status }) => status !== 'removing', waitMs);
    if (!settled)
      return new Outcome({ name, status: 'removing' }, { status: 202, location: `/v1/marketing-actions/${name}` });
    const { state, revision, position } = settled;
    if (state.status === 'defined') throw marketingActionInUse(name, state.refusedFor);
    return new Outcome(undefined, { status: 204, revision, position });
  }
}
