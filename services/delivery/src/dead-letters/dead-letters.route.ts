import { Delete, Get, HttpCode, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse, IntersectionType } from '@nestjs/swagger';
import { DescribeDelivery } from '@waybill/contracts';
import { IsTime } from '@waybill/forms';
import { type CommandContext, idFrom } from '@waybill/kernel';
import {
  ApiPage,
  Context,
  Outcome,
  PageQuery,
  SERVICE,
  ServiceController,
  type Service,
  Summary,
} from '@waybill/service-kit';
import type { Discard } from '../discard/index.js';
import { discardStream, discardStreamOf } from '../stream.js';
import { DeadLetterView, DiscardedView } from '../view/dead-letter.view.js';
import { DeadLetterForm, filterOf } from './dead-letter-form.js';
import { DeadLetters } from './dead-letters.js';

export class DeadLettersQuery extends DeadLetterForm {}

/** The rules of both; that the times are described as such does not come along by itself. */
export class ListDeadLettersQuery extends IntersectionType(PageQuery, DeadLetterForm) {
  @IsTime() declare from?: string;
  @IsTime() declare to?: string;
}

@ServiceController('v1/destinations/:id/dead-letters', 'delivery')
export class DeadLettersRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
  ) {}

  /** Changes that could not be delivered to a stream or a hub, with the reason, newest first. */
  @Get()
  @Summary('List dead letters')
  @ApiPage(DeadLetterView)
  async list(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Query() { limit, cursor, ...filter }: ListDeadLettersQuery,
  ) {
    await this.service.ask(DescribeDelivery, { destinationId }, context);
    return this.deadLetters.list(context, destinationId, filter, { limit, ...(cursor !== undefined && { cursor }) });
  }

  /**
   * Gives dead letters up for good: those that the filter names, or all of the destination. Those that wait for a redelivery
   * stay. Who did it, when and for which is on record.
   */
  @Delete()
  @Summary('Discard dead letters')
  @HttpCode(200)
  @ApiOkResponse({ type: DiscardedView })
  async discard(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Query() form: DeadLettersQuery,
  ) {
    await this.service.ask(DescribeDelivery, { destinationId }, context);
    // Carried out a second time, it is to take none that came later.
    const filter = { to: context.at, ...filterOf(context, form) };
    const { deadLetters } = await this.deadLetters.count(context, destinationId, filter);
    const discardId = idFrom('discard', context.commandId);
    const { state, revision, position } = await this.service.execute(
      discardStream,
      discardStreamOf(discardId),
      { type: 'DiscardDeadLetters', discardId, destinationId, filter, deadLetters },
      context,
    );
    const discarded = state as Discard;
    await this.deadLetters.discard(context, destinationId, discarded.filter);
    return new Outcome({ deadLetters: discarded.deadLetters }, { revision, position });
  }
}
