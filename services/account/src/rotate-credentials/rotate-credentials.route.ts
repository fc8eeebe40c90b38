import { Body, Inject, Param, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { IsObject } from 'class-validator';
import { isStanding } from '../account/index.js';
import { credentialsRejected } from '../credentials-rejected.js';
import { AccountView, UnderWayView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';
import { RotateCredentials } from './rotate-credentials.js';

@Example({
  authentication: { method: 'password', host: 'sftp.partner.example', username: 'acme', password: 'a new secret' },
})
export class RotateCredentialsForm {
  /** `method` and the fields of its form; the method may be another than before. */
  @IsObject()
  authentication!: Record<string, unknown>;
}

@ServiceController('v1/accounts/:id/credentials', 'accounts')
export class RotateCredentialsRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Takes new credentials after they were proven live; until then, and when they fail, the old ones stay. */
  @Put()
  @Summary('Rotate the credentials')
  @ApiOkResponse({ type: AccountView })
  @ApiAcceptedResponse({ type: UnderWayView })
  async rotate(
    @Context() context: CommandContext,
    @PreferWait() waitMs: number,
    @Param('id') id: string,
    @Body() { authentication }: RotateCredentialsForm,
  ) {
    const { validationId } = await this.commands.execute(new RotateCredentials(context, id, authentication));
    const settled = await this.accounts.settled(
      context,
      id,
      (state) => isStanding(state) && state.rotation?.validationId !== validationId,
      waitMs,
    );
    if (!settled) return new Outcome({ id, status: 'rotating' }, { status: 202, location: `/v1/accounts/${id}` });
    const last = isStanding(settled.state) ? settled.state.lastRotation : null;
    if (last?.validationId === validationId && last.outcome === 'rejected') throw credentialsRejected(last);
    return this.accounts.answer(context, id);
  }
}
