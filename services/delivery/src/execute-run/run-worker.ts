import { Inject, Injectable, Logger } from '@nestjs/common';
import { messageOf, newId, type Scope } from '@waybill/kernel';
import { acquireLease, type Database, endLease, keepLease } from '@waybill/postgres';
import { DATABASE, loggedFor, type Worker } from '@waybill/service-kit';
import { Runs } from '../list-runs/runs.js';
import { Boundaries } from './boundaries.js';
import { AT_ONCE } from './pipelines.js';
import { RunExecutor } from './run-executor.js';

const LOOK_MS = 500;
const LEASE_SECONDS = 20;
const SWEEP_MS = 60 * 60 * 1_000;

interface PendingRun extends Scope {
  readonly runId: string;
}

/**
 * Finds runs that wait, or that a process left behind, and holds each by a lease while it is executed. Runs of one segment
 * at one destination follow each other in the order in which they were requested.
 */
@Injectable()
export class RunWorker implements Worker {
  private readonly log = new Logger('run worker');
  private readonly owner = newId();
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private sweeping: NodeJS.Timeout | undefined;
  private unhear: () => void = () => undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Runs) private readonly runs: Runs,
    @Inject(RunExecutor) private readonly executor: RunExecutor,
    @Inject(Boundaries) private readonly boundaries: Boundaries,
  ) {}

  start(): void {
    const look = () =>
      void this.look().catch((error: unknown) =>
        this.log.warn(`looking for runs failed and is tried again: ${messageOf(error)}`),
      );
    this.timer = setInterval(look, LOOK_MS);
    this.sweep();
    this.sweeping = setInterval(() => this.sweep(), SWEEP_MS);
    this.unhear = this.runs.onRing(() => setTimeout(look, 20)); // the read model follows the log by a few milliseconds
  }

  /** Runs under way stop at the next safe point; whoever comes next goes on there. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    clearInterval(this.sweeping);
    this.unhear();
    this.stopping.abort();
    await Promise.all(this.underWay.values());
  }

  private sweep(): void {
    this.boundaries
      .sweep()
      .catch((error: unknown) => this.log.warn(`old boundaries stay for now: ${messageOf(error)}`));
  }

  private async look(): Promise<void> {
    if (this.underWay.size >= AT_ONCE) return;
    const { rows } = await this.database.pool.query<PendingRun>(
      `select tenant, sandbox, state->>'runId' as "runId" from (
         select *, row_number() over (partition by state->>'destinationId', state->>'segmentId' order by created_at, stream) as turn
         from runs where state->>'status' in ('queued', 'running') and not state ? 'kind') waiting
       where turn = 1 order by created_at limit 100`,
    );
    for (const run of rows) {
      if (this.underWay.size >= AT_ONCE || this.stopping.signal.aborted) return;
      if (this.underWay.has(run.runId)) continue;
      const work = loggedFor(run, () => this.hold(run))
        .catch((error: unknown) => this.log.error(`run ${run.runId} goes on later: ${messageOf(error)}`))
        .finally(() => this.underWay.delete(run.runId));
      this.underWay.set(run.runId, work);
    }
  }

  private async hold({ runId, tenant, sandbox }: PendingRun): Promise<void> {
    const name = `run ${runId}`;
    const lease = await acquireLease(this.database, name, this.owner, LEASE_SECONDS);
    if (!lease) return;
    try {
      using kept = keepLease(this.database, lease, LEASE_SECONDS);
      await this.executor.execute(
        runId,
        { tenant, sandbox },
        this.owner,
        AbortSignal.any([this.stopping.signal, kept.lost]),
      );
    } finally {
      await endLease(this.database, lease);
    }
  }
}
