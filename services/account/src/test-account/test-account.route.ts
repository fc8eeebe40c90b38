import { Inject, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import { ProveAccount } from '@waybill/contracts';
import { type CommandContext, idFrom } from '@waybill/kernel';
import {
  Context,
  PreferWait,
  SERVICE,
  ServiceController,
  type Service,
  Summary,
  ValidationView,
  PendingValidationView,
  validationOutcome,
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
    const subject = { kind: 'account' as const, accountId: id };
    return validationOutcome(this.service, { id: validationId, subject }, context, waitMs);
  }
}
