import { Get, Inject, Injectable, Param } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { type AnswerOf, DescribeValidation, readMessage } from '@waybill/contracts';
import { type Scope, WaybillError } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import {
  type Answerer,
  type Caller,
  CurrentCaller,
  SERVICE,
  type Service,
  ServiceController,
  stateProjection,
  Summary,
  ValidationView,
} from '@waybill/service-kit';
import { streamOf, validationStream } from '../stream.js';
import type { ValidationState } from '../validation/index.js';

export const validationsProjection = stateProjection({
  name: 'validations',
  streamType: validationStream,
  indexes: [`(created_at) where state->>'status' = 'requested'`],
});

type Known = Exclude<ValidationState, { status: 'none' }>;

@Injectable()
export class Validations {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  async get(scope: Scope, validationId: string): Promise<Known> {
    const { state } = await this.service.load(validationStream, streamOf(validationId), scope);
    if (state.status !== 'none') return state;
    throw new WaybillError('validation-not-found', 'not-found', 'There is no such validation.');
  }
}

const outcomeOf = (state: Known) => (state.status === 'requested' ? 'pending' : state.status);
const reportOf = (state: Known) =>
  state.status === 'requested'
    ? { startedAt: null, finishedAt: null, checks: [] }
    : { startedAt: state.report.startedAt, finishedAt: state.report.finishedAt, checks: state.report.checks };

@ServiceController('v1/validations', 'validations')
export class GetValidationRoute {
  constructor(@Inject(Validations) private readonly validations: Validations) {}

  /** A stored report: each check with what was called, on which resource, and how to mend it. */
  @Get(':id')
  @Summary('Show a validation')
  @ApiOkResponse({ type: ValidationView })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string): Promise<ValidationView> {
    const state = await this.validations.get(caller, id);
    return { id, subject: state.claim.subject, outcome: outcomeOf(state), ...reportOf(state) };
  }
}

@Injectable()
export class AnswerDescribeValidation implements Answerer {
  readonly answers = DescribeValidation.type;

  constructor(@Inject(Validations) private readonly validations: Validations) {}

  async answer(message: ReceivedMessage): Promise<AnswerOf<typeof DescribeValidation>> {
    const { validationId } = readMessage(DescribeValidation, message.data);
    const state = await this.validations.get(message, validationId);
    return { validationId, outcome: outcomeOf(state), ...reportOf(state) };
  }
}
