import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { readEvents } from '@waybill/event-store';
import { IsTime } from '@waybill/forms';
import {
  ApiPage,
  CurrentCaller,
  type Caller,
  encodeCursor,
  PageQuery,
  SERVICE,
  ServiceController,
  type Service,
  decodeCursor,
  Summary,
} from '@waybill/service-kit';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, Min } from 'class-validator';
import { destinationNotFound } from '../destination/index.js';
import { destinationStream, destinationStreamOf } from '../stream.js';

export class HistoryQuery extends PageQuery {
  /** Recorded at or after this time. */
  @IsOptional()
  @IsTime()
  from?: string;

  /** Recorded at or before this time. */
  @IsOptional()
  @IsTime()
  to?: string;

  /** After this revision. */
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(0)
  after?: number;
}

/** An event as it was recorded. */
export class HistoryEventView {
  @ApiProperty() id!: string;
  @ApiProperty({ description: 'The plain name: `DestinationCreated`.' }) type!: string;
  @ApiProperty() revision!: number;
  @ApiProperty() position!: string;
  @ApiProperty() recordedAt!: string;
  @ApiProperty() actor!: string;
  @ApiProperty() correlationId!: string;
  @ApiProperty() causationId!: string;
  @ApiProperty({ type: 'object', additionalProperties: true }) data!: object;
}

@ServiceController('v1/destinations/:id/history', 'destinations')
export class ShowHistoryRoute {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  /** Every event of the destination, oldest first, a deleted one's included: what changed, when, and by whom. */
  @Get()
  @Summary('Show the history of a destination')
  @ApiPage(HistoryEventView)
  async history(
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
    @Query() { limit, cursor, from, to, after = -1 }: HistoryQuery,
  ) {
    const since = Math.max(after, Number(decodeCursor(cursor, 1)?.[0] ?? -1));
    const earliest = from === undefined ? -Infinity : Date.parse(from);
    const latest = to === undefined ? Infinity : Date.parse(to);
    const items: HistoryEventView[] = [];
    let last = -1;
    let more = false;
    let known = false;
    for await (const event of readEvents(this.service.store, destinationStream, destinationStreamOf(id))) {
      const { metadata, revision, recordedAt } = event;
      if (metadata.tenant !== caller.tenant || metadata.sandbox !== caller.sandbox) break;
      known = true;
      const recorded = Date.parse(recordedAt);
      if (revision <= since || recorded < earliest || recorded > latest) continue;
      if (items.length === limit) {
        more = true;
        break;
      }
      last = revision;
      const { actor, correlationId, causationId } = metadata;
      const { id: eventId, type, position, data } = event;
      items.push({ id: eventId, type, revision, position, recordedAt, actor, correlationId, causationId, data });
    }
    if (!known) throw destinationNotFound();
    return { items, nextCursor: more ? encodeCursor([last]) : null };
  }
}
