import { Inject, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import { DescribeValidation, ProveAccount } from '@waybill/contracts';
import { type CommandContext, idFrom } from '@waybill/kernel';
import {
  Context,
  Outcome,
  PreferWait,
  SERVICE,
  ServiceController,
  type Service,
  Summary,
  ValidationView,
  PendingValidationView,
} from '@waybill/service-kit';
import { streamOf } from '../stream.js';
import { Accounts } from '../view/accounts.js';

@ServiceController('v1/accounts/:id/validations', 'accounts')
export class TestAccountRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Proves the credentials again, as they are; a failed proof is an answer and changes nothing. */
  @Post()
  @Summary('Test the credentials again')
  @ApiCreatedResponse({ type: ValidationView })
  @ApiAcceptedResponse({ type: PendingValidationView })
  async test(@Context() context: CommandContext, @PreferWait() waitMs: number, @Param('id') id: string) {
    const { state } = await this.accounts.standing(context, id);
    const validationId = idFrom('validation', context.commandId);
    const { method, authentication, secretRef } = state.credentials;
    await this.service.send(
      ProveAccount,
      { validationId, accountId: id, type: state.type, method, authentication, secretRef, findings: state.findings },
      context,
      streamOf(id),
    );
    const location = `/v1/validations/${validationId}`;
    const report = await this.service.askUntil(
      DescribeValidation,
      { validationId },
      context,
      ({ outcome }) => outcome !== 'pending',
      waitMs,
    );
    if (!report) return new Outcome({ id: validationId, outcome: 'pending' }, { status: 202, location });
    const { outcome, startedAt, finishedAt, checks } = report;
    return new Outcome<ValidationView>(
      { id: validationId, subject: { kind: 'account', accountId: id }, outcome, startedAt, finishedAt, checks },
      { status: 201, location },
    );
  }
}
