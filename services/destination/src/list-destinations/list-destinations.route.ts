import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { readEvents } from '@waybill/event-store';
import { IsTime } from '@waybill/forms';
import { WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import {
  ApiPage,
  type Caller,
  CurrentCaller,
  DATABASE,
  listStates,
  Outcome,
  PageQuery,
  SERVICE,
  ServiceController,
  type Service,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Min } from 'class-validator';
import {
  type Destination,
  type DestinationEvent,
  destinationNotFound,
  type DestinationState,
} from '../destination/index.js';
import { destinationStream, destinationStreamOf } from '../stream.js';
import { destinationView, DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

export const destinationsProjection = stateProjection({
  name: 'destinations',
  streamType: destinationStream,
  indexes: [`((state->>'accountId'))`],
});

export class ListDestinationsQuery extends PageQuery {
  @IsOptional() @IsString() type?: string;
  @IsOptional() @IsString() accountId?: string;
  @IsOptional() @IsIn(['enabled', 'disabled']) status?: 'enabled' | 'disabled';
  /** Part of the name or the description. */
  @IsOptional() @IsString() search?: string;
  @IsOptional() @IsString() marketingAction?: string;
}

export class GetDestinationQuery {
  /** As it was at this time (RFC 3339). */
  @IsOptional()
  @IsTime()
  asOf?: string;

  /** As it was right after this revision. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  revision?: number;
}

@ServiceController('v1/destinations', 'destinations')
export class ListDestinationsRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** The destinations that are not deleted, newest first. */
  @Get()
  @Summary('List destinations')
  @ApiPage(DestinationView)
  async list(
    @CurrentCaller() caller: Caller,
    @Query() { type, accountId, status, search, marketingAction, ...page }: ListDestinationsQuery,
  ) {
    const found = await listStates<Destination>(this.database, 'destinations', caller, page, {
      in: { status: ['enabled', 'disabled'] },
      equals: { type, accountId, status },
      has: { marketingActions: marketingAction },
      contains: { search, in: ['name', 'description'] },
    });
    return { items: found.items.map((row) => destinationView(row.state, row)), nextCursor: found.nextCursor };
  }

  /** One destination, as it is or as it was. */
  @Get(':id')
  @Summary('Show a destination, as it is or was')
  @ApiOkResponse({ type: DestinationView })
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() { asOf, revision }: GetDestinationQuery,
  ) {
    if (asOf !== undefined && revision !== undefined) {
      throw new WaybillError('invalid-input', 'malformed', 'Ask for a time or for a revision, not for both.', {
        fields: [{ path: 'revision', message: 'cannot be combined with asOf' }],
      });
    }
    if (asOf !== undefined || revision !== undefined) return this.asItWas(caller, id, asOf, revision);
    const found = await this.destinations.find(caller, id);
    if (!found) return this.creationOf(caller, id);
    const { state, ...at } = found;
    return new Outcome(destinationView(state, at), { revision: at.revision });
  }

  /** A creation under way tells how far it is; one that was rejected is not found, and its problem says why. */
  private async creationOf(caller: Caller, id: string) {
    const creation = await this.destinations.creation(caller, id);
    if (creation?.status === 'rejected') {
      const { detail, ...problem } = creation.problem;
      throw new WaybillError('destination-not-found', 'not-found', `The destination was not created. ${detail}`, {
        ...(problem.checks && { checks: problem.checks }),
        ...(problem.fields && { fields: problem.fields }),
      });
    }
    if (creation?.status === 'open' || creation?.status === 'proving') return { id, status: 'proving' };
    throw destinationNotFound();
  }

  private async asItWas(caller: Caller, id: string, asOf: string | undefined, revision = Infinity) {
    const until = asOf === undefined ? Infinity : Date.parse(asOf);
    let state: DestinationState = destinationStream.decider.initialState;
    let first: { at: string; actor: string } | undefined;
    let last = -1;
    for await (const event of readEvents(this.service.store, destinationStream, destinationStreamOf(id))) {
      if (event.metadata.tenant !== caller.tenant || event.metadata.sandbox !== caller.sandbox)
        throw destinationNotFound();
      if (event.revision > revision || Date.parse(event.recordedAt) > until) break;
      state = destinationStream.decider.evolve(state, event as unknown as DestinationEvent);
      first ??= { at: event.metadata.occurredAt, actor: event.metadata.actor };
      last = event.revision;
    }
    if (state.status === 'none' || !first) throw destinationNotFound();
    if (Number.isFinite(revision) && last < revision) throw revisionUnknown(last);
    return destinationView(state, { revision: last, createdAt: first.at, createdBy: first.actor });
  }
}

const revisionUnknown = (last: number) =>
  new WaybillError(
    'revision-unknown',
    'not-found',
    `The destination has no such revision yet; its last one is ${last}.`,
  );
