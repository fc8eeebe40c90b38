import { Body, Inject, Param, Post } from '@nestjs/common';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import { DescribeAccount, ProveTarget } from '@waybill/contracts';
import { type CommandContext, idFrom, WaybillError } from '@waybill/kernel';
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
import { IsBoolean, IsOptional } from 'class-validator';
import { specOf } from '../create-destination/create-destination.js';
import { destinationStreamOf } from '../stream.js';
import { Destinations } from '../view/destinations.js';

export class ValidateTargetForm {
  /**
   * Sends one record marked as a test, which stays in the stream or the hub (`GET /v1/schemas/test-record.json`), to show that
   * it can be written to. Without it nothing is sent.
   */
  @IsOptional()
  @IsBoolean()
  testRecord?: boolean;
}

@ServiceController('v1/destinations/:id/validations', 'destinations')
export class ValidateTargetRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Proves the target again, as it is; a failed proof is an answer and changes nothing. */
  @Post()
  @Summary('Test the target again')
  @ApiCreatedResponse({ type: ValidationView })
  @ApiAcceptedResponse({ type: PendingValidationView })
  async validate(
    @Context() context: CommandContext,
    @PreferWait() waitMs: number,
    @Param('id') destinationId: string,
    @Body() { testRecord = false }: ValidateTargetForm,
  ) {
    const { state } = await this.destinations.existing(context, destinationId);
    const { accountId, type, target } = state;
    if (testRecord && specOf(type).delivers !== 'events') throw filesTakeNoRecord();
    const account = await this.service.ask(DescribeAccount, { accountId }, context);
    const { method, authentication, secretRef, findings } = account;
    const validationId = idFrom('validation', context.commandId);
    const claim = { validationId, accountId, destinationId, type, target, method, authentication, secretRef, findings };
    await this.service.send(
      ProveTarget,
      { ...claim, ...(testRecord && { testRecord }) },
      context,
      destinationStreamOf(destinationId),
    );
    const subject = { kind: 'target' as const, accountId, destinationId };
    return validationOutcome(this.service, { id: validationId, subject }, context, waitMs);
  }
}

const filesTakeNoRecord = () =>
  new WaybillError(
    'test-record-not-applicable',
    'refused',
    'This destination delivers files: its proof writes a file and removes it. Leave "testRecord" out.',
    { fields: [{ path: 'testRecord', message: 'belongs to destination types that deliver events' }] },
  );
