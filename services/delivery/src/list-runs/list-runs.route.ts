import { Get, Inject, Param, Query } from '@nestjs/common';
import type { Database } from '@waybill/postgres';
import {
  type Caller,
  CurrentCaller,
  DATABASE,
  listStates,
  Outcome,
  PageQuery,
  ServiceController,
  stateProjection,
} from '@waybill/service-kit';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { Run } from '../run/index.js';
import { Progress } from '../execute-run/progress.js';
import { runStream } from '../stream.js';
import { bodyOfRun } from './run-body.js';
import { Runs } from './runs.js';

const STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

export const runsProjection = stateProjection({
  name: 'runs',
  streamType: runStream,
  indexes: [
    `((state->>'destinationId'), (state->>'segmentId'), created_at)`,
    `(created_at) where state->>'status' in ('queued', 'running')`,
  ],
});

export class ListRunsQuery extends PageQuery {
  @IsOptional() @IsString() destinationId?: string;
  @IsOptional() @IsString() segmentId?: string;
  @IsOptional() @IsIn(STATUSES) status?: (typeof STATUSES)[number];
}

@ServiceController('v1/runs', 'delivery')
export class ListRunsRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Runs) private readonly runs: Runs,
    @Inject(Progress) private readonly progress: Progress,
  ) {}

  /** Runs, newest first. */
  @Get()
  async list(@CurrentCaller() caller: Caller, @Query() { destinationId, segmentId, status, ...page }: ListRunsQuery) {
    const found = await listStates<Run>(this.database, 'runs', caller, page, {
      equals: { destinationId, segmentId, status },
    });
    const progress = await this.progress.of(found.items.map(({ state }) => state));
    return {
      items: found.items.map(({ state, revision }) => ({
        ...bodyOfRun(state),
        progress: progress.get(state.runId),
        revision,
      })),
      nextCursor: found.nextCursor,
    };
  }

  /** One run, as it is this moment. */
  @Get(':id')
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const { state, revision } = await this.runs.existing(caller, id);
    const progress = await this.progress.of([state]);
    return new Outcome({ ...bodyOfRun(state), progress: progress.get(id), revision }, { revision });
  }
}
