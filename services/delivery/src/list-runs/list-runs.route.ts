import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import { categoryOf, type RecordedEvent } from '@waybill/kernel';
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
  type Service,
  ServiceController,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { IsIn, IsOptional, IsString } from 'class-validator';
import type { Run } from '../run/index.js';
import { Progress } from '../execute-run/progress.js';
import { StreamStandings } from '../record-stream-runs/stream-standings.js';
import { StreamWindows } from '../record-stream-runs/stream-windows.js';
import { StreamStates } from '../send-events/stream-states.js';
import { runStream, streamRunStream, streamRunStreamOf } from '../stream.js';
import type { StreamRun } from '../stream-run/index.js';
import { RunView } from '../view/run.view.js';
import { bodyOfRun, bodyOfStreamRun } from './run-body.js';
import { Runs } from './runs.js';

const STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled'] as const;

const NAME = 'runs';

const fileRuns = stateProjection({
  name: NAME,
  streamType: runStream,
  indexes: [
    `((state->>'destinationId'), (state->>'segmentId'), created_at)`,
    `(created_at) where state->>'status' in ('queued', 'running')`,
  ],
});

const streamRuns = stateProjection({ name: NAME, streamType: streamRunStream });

/** Runs of files and of streams in one list; `kind` is `stream` for the latter, and missing for the former. */
export const runsProjection: typeof fileRuns = {
  ...fileRuns,
  version: 2,
  categories: [...fileRuns.categories, ...streamRuns.categories],
  async handle(client, events) {
    const isOfStream = ({ stream }: RecordedEvent) => streamRuns.categories.includes(categoryOf(stream));
    await fileRuns.handle(
      client,
      events.filter((event) => !isOfStream(event)),
    );
    await streamRuns.handle(client, events.filter(isOfStream));
  },
};

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
    @Inject(SERVICE) private readonly service: Service,
    @Inject(Progress) private readonly progress: Progress,
    @Inject(StreamWindows) private readonly windows: StreamWindows,
    @Inject(StreamStates) private readonly states: StreamStates,
    @Inject(StreamStandings) private readonly standings: StreamStandings,
  ) {}

  /** Runs, newest first. */
  @Get()
  @Summary('List runs')
  @ApiPage(RunView)
  async list(@CurrentCaller() caller: Caller, @Query() { destinationId, segmentId, status, ...page }: ListRunsQuery) {
    const found = await listStates<Run | StreamRun>(this.database, NAME, caller, page, {
      equals: { destinationId, segmentId, status },
    });
    const bodies = await this.bodiesOf(found.items.map(({ state }) => state));
    return {
      items: found.items.map(({ state, revision }) => ({ ...bodies.get(state.runId), revision })),
      nextCursor: found.nextCursor,
    };
  }

  /** One run, as it is this moment. */
  @Get(':id')
  @Summary('Show a run')
  @ApiOkResponse({ type: RunView })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const { state, revision } = await this.existing(caller, id);
    const bodies = await this.bodiesOf([state]);
    return new Outcome({ ...bodies.get(id), revision }, { revision });
  }

  private async existing(caller: Caller, id: string): Promise<{ state: Run | StreamRun; revision: number }> {
    const { state, revision } = await this.service.load(streamRunStream, streamRunStreamOf(id), caller);
    return state.status === 'none' ? this.runs.existing(caller, id) : { state, revision };
  }

  /** By id, each with how far it is. */
  private async bodiesOf(runs: readonly (Run | StreamRun)[]): Promise<ReadonlyMap<string, RunView>> {
    const ofStreams = runs.filter(isStreamRun);
    const ofFiles = runs.filter((run): run is Run => !isStreamRun(run));
    const running = ofStreams.filter(({ status }) => status === 'running');
    const counts = await this.windows.countsOf(running.map(({ runId }) => runId));
    const destinationIds = [...new Set(running.map(({ destinationId }) => destinationId))];
    const states = await this.states.of(destinationIds);
    const standings = await this.standings.progressOf(destinationIds);
    const progress = await this.progress.of(ofFiles);
    return new Map<string, RunView>([
      ...ofFiles.map((run) => [run.runId, { ...bodyOfRun(run), progress: progress.get(run.runId) }] as const),
      ...ofStreams.map((run) => {
        const { runId, destinationId } = run;
        const now = {
          counts: counts.get(runId),
          state: states.get(destinationId),
          progress: standings.get(destinationId),
        };
        return [run.runId, bodyOfStreamRun(run, now)] as const;
      }),
    ]);
  }
}

const isStreamRun = (run: Run | StreamRun): run is StreamRun => 'kind' in run;
