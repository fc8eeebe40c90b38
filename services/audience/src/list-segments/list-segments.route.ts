import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { Database } from '@waybill/postgres';
import {
  ApiPage,
  type Caller,
  CurrentCaller,
  DATABASE,
  listStates,
  Outcome,
  PageQuery,
  ServiceController,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { IsOptional, IsString } from 'class-validator';
import { type DefinedSegment, Segments, segmentStream, SegmentView, segmentView } from '../segments.js';
import { countsOf } from '../store/segment-counts.js';

export const segmentsProjection = stateProjection({ name: 'segments', streamType: segmentStream });

export class ListSegmentsQuery extends PageQuery {
  /** Part of the name or of the id. */
  @IsOptional()
  @IsString()
  search?: string;
}

@ServiceController('v1/segments', 'audience')
export class ListSegmentsRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Segments) private readonly segments: Segments,
  ) {}

  /** Segments with how many are in them, newest first. */
  @Get()
  @Summary('List segments')
  @ApiPage(SegmentView)
  async list(@CurrentCaller() caller: Caller, @Query() { search, ...page }: ListSegmentsQuery) {
    const found = await listStates<DefinedSegment>(this.database, 'segments', caller, page, {
      contains: { search, in: ['name', 'segmentId'] },
    });
    const counts = await countsOf(
      this.database,
      caller,
      found.items.map(({ state }) => state.segmentId),
    );
    return {
      items: found.items.map(({ state, revision, updatedAt: changedAt }) =>
        segmentView(state, { revision, changedAt }, counts.get(state.segmentId)),
      ),
      nextCursor: found.nextCursor,
    };
  }

  @Get(':id')
  @Summary('Show a segment')
  @ApiOkResponse({ type: SegmentView })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const view = await this.segments.view(caller, id);
    return new Outcome(view, { revision: view.revision });
  }
}
