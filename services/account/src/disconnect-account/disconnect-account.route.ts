import { Delete, HttpCode, Inject, Param } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiNoContentResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { accountInUse } from '../account/index.js';
import { UnderWayView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';
import { DisconnectAccount } from './disconnect-account.js';

@ServiceController('v1/accounts', 'accounts')
export class DisconnectAccountRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Ends an account and shreds its secrets; refused while a destination uses it. */
  @Delete(':id')
  @Summary('Disconnect an account')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiAcceptedResponse({ type: UnderWayView })
  async disconnect(@Context() context: CommandContext, @PreferWait() waitMs: number, @Param('id') id: string) {
    await this.commands.execute(new DisconnectAccount(context, id));
    const settled = await this.accounts.settled(context, id, ({ status }) => status !== 'disconnecting', waitMs);
    if (!settled) return new Outcome({ id, status: 'disconnecting' }, { status: 202, location: `/v1/accounts/${id}` });
    const { state, revision, position } = settled;
    if (state.status === 'connected') throw accountInUse(state.refusedFor);
    return new Outcome(undefined, { status: 204, revision, position });
  }
}
