import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { DescribeDelivery, type RedeliveryCounts } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import {
  ApiPage,
  Context,
  DATABASE,
  type Listed,
  listStates,
  Outcome,
  PageQuery,
  SERVICE,
  type Service,
  ServiceController,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { type Redelivery, redeliveryNotFound } from '../redelivery/index.js';
import { redeliveryStream, redeliveryStreamOf } from '../stream.js';
import { RedeliveryView } from '../view/redelivery.view.js';
import { Redeliveries } from './redelivery-counts.js';

const NAME = 'redeliveries';

export const redeliveriesProjection = stateProjection({
  name: NAME,
  streamType: redeliveryStream,
  indexes: [`((state->>'destinationId'), created_at)`],
});

@ServiceController('v1/destinations/:id/redeliveries', 'delivery')
export class ListRedeliveriesRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Redeliveries) private readonly redeliveries: Redeliveries,
  ) {}

  /** What was asked to be delivered again, by whom, and how far it is; newest first. */
  @Get()
  @Summary('List redeliveries')
  @ApiPage(RedeliveryView)
  async list(@Context() context: CommandContext, @Param('id') destinationId: string, @Query() page: PageQuery) {
    await this.service.ask(DescribeDelivery, { destinationId }, context);
    const found = await listStates<Redelivery>(this.database, NAME, context, page, { equals: { destinationId } });
    const counts = await this.redeliveries.countsOf(found.items.map(({ state }) => state.redeliveryId));
    return {
      items: found.items.map((listed) => bodyOf(listed, counts.get(listed.state.redeliveryId))),
      nextCursor: found.nextCursor,
    };
  }

  /** One redelivery, as it is this moment. */
  @Get(':redeliveryId')
  @Summary('Show a redelivery')
  @ApiOkResponse({ type: RedeliveryView })
  async get(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Param('redeliveryId') redeliveryId: string,
  ) {
    const { state, ...loaded } = await this.service.load(redeliveryStream, redeliveryStreamOf(redeliveryId), context);
    if (state.status === 'none' || state.destinationId !== destinationId) throw redeliveryNotFound();
    const counts = await this.redeliveries.countsOf([redeliveryId]);
    const { revision } = loaded;
    return new Outcome(bodyOf({ ...loaded, state }, counts.get(redeliveryId)), { revision });
  }
}

const NOTHING: RedeliveryCounts = { requested: 0, redelivered: 0, skipped: 0, failed: 0 };

const bodyOf = (
  { state, revision, createdAt, createdBy }: Omit<Listed<Redelivery>, 'updatedAt'>,
  soFar: RedeliveryCounts = NOTHING,
): RedeliveryView => {
  const { redeliveryId, destinationId, filter, deadLetters, finishedAt } = state;
  const counts = state.counts ?? soFar;
  const begun = counts.redelivered + counts.skipped + counts.failed > 0;
  return {
    id: redeliveryId,
    destinationId,
    status: state.status === 'completed' ? 'done' : begun ? 'running' : 'waiting',
    filter,
    deadLetters,
    counts,
    requestedAt: createdAt,
    requestedBy: createdBy,
    finishedAt,
    revision,
  };
};
