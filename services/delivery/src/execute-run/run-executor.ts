import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { type FileSink, pathIn } from '@waybill/connectors';
import { problemOf } from '@waybill/contracts';
import { type CommandContext, isWaybillError, messageOf, type Scope } from '@waybill/kernel';
import { databaseUnavailable, isTransient } from '@waybill/postgres';
import { loggedFor, traced } from '@waybill/service-kit';
import { type RunCause, Runs, workContextOf } from '../list-runs/runs.js';
import { manifestName, type Plan, RUN_SUPERSEDED, type Run, type RunState, type Untidy } from '../run/index.js';
import { Boundaries } from './boundaries.js';
import { deliver, type DeliveryTools, type Step } from './deliver.js';
import { type LookAhead, LookAheads, mayHaveMore, pathsAhead, UNTOUCHED } from './look-ahead.js';
import { Partner } from './partner.js';
import { type AccountInUse, Planner } from './plan-run.js';
import { PartStager } from './part-stager.js';
import { ownerOfPart, PartWork } from './part-work.js';
import { Pipelines } from './pipelines.js';
import { Progress } from './progress.js';
import { countAttempt, countFile, countRetry } from './run-metrics.js';

/** Tries in a row without progress, while the partner does not answer. */
const TRIES = 5;
/** What a part of Waybill itself is away with: no fault of the run, which waits for as long as it takes. */
const OURS: ReadonlySet<string> = new Set([
  'database-unavailable',
  'event-store-unavailable',
  'messaging-unavailable',
  'no-answer',
  'outcome-unknown',
  'projection-behind',
]);
const FIRST_PAUSE_MS = 2_000;
const CANCELLATION_LOOK_MS = 1_000;

/** Why a run stops without an end of its own: somebody else goes on with it, or it is to be cancelled. */
class Stop extends Error {
  constructor(readonly why: 'cancelled' | 'handed-over') {
    super(why);
  }
}

/** Executes one run as one attempt: plans it if nobody has, delivers it, and records how it ended. */
@Injectable()
export class RunExecutor {
  private readonly log = new Logger('run');

  constructor(
    @Inject(Runs) private readonly runs: Runs,
    @Inject(Planner) private readonly planner: Planner,
    @Inject(PartStager) private readonly parts: PartStager,
    @Inject(Partner) private readonly partner: Partner,
    @Inject(Pipelines) private readonly pipelines: Pipelines,
    @Inject(LookAheads) private readonly aheads: LookAheads,
    @Inject(PartWork) private readonly work: PartWork,
    @Inject(Boundaries) private readonly boundaries: Boundaries,
    @Inject(Progress) private readonly progress: Progress,
  ) {}

  /** Resolves when the run has ended, or when it is somebody else's: `signal` aborts with the lease and with the process. */
  async execute(runId: string, scope: Scope, worker: string, signal: AbortSignal): Promise<void> {
    const { traceparent: parent, correlationId } = await this.runs.existing(scope, runId);
    const cause = { ...scope, correlationId };
    await loggedFor(cause, () => traced('execute run', { parent }, () => this.attempt(runId, cause, worker, signal)));
  }

  private async attempt(runId: string, cause: RunCause, worker: string, signal: AbortSignal): Promise<void> {
    const attempt = new Attempt(this.runs, runId, cause, signal);
    try {
      await attempt.begin(worker);
      await this.deliverPatiently(attempt);
    } catch (error) {
      await this.settle(attempt, error);
    } finally {
      attempt.end();
    }
    if (attempt.number === 0) return; // it never was ours
    countAttempt(attempt.run);
    if (attempt.ended) {
      await this.work.clear(attempt.run);
      await this.boundaries.forget(runId);
      await this.progress.end(runId);
    }
  }

  private async deliverPatiently(attempt: Attempt): Promise<void> {
    for (let tries = 1; ;) {
      const before = attempt.run.parts.length;
      try {
        return await this.deliverOnce(attempt, tries > 1);
      } catch (thrown) {
        const error = isTransient(thrown) ? databaseUnavailable(thrown) : thrown;
        if (!isWaybillError(error) || error.kind !== 'unavailable' || attempt.interruption()) throw error;
        if (attempt.run.parts.length > before) tries = 1;
        const isOurs = OURS.has(error.slug);
        if (tries >= TRIES && !isOurs) throw error;
        countRetry(error.slug);
        this.log.warn(`run ${attempt.runId} is tried again: ${error.message}`);
        await sleep(FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + Math.random()), undefined, { signal: attempt.signal });
        if (!isOurs) tries += 1;
      }
    }
  }

  /** With as many workers as there are, or alone: a partner who did not answer may be one who takes few connections. */
  private async deliverOnce(attempt: Attempt, alone: boolean): Promise<void> {
    const { signal } = attempt;
    const { tenant, sandbox } = attempt.cause;
    const scope = { tenant, sandbox };
    attempt.checkpoint(attempt.run);
    const { plan, inUse } = await this.planned(attempt);
    const sink = await this.partner.openSink(plan, inUse, attempt.context(), signal);
    let ahead: LookAhead | undefined;
    const stage: DeliveryTools['stage'] = async (run, path, content, what) => {
      await this.tidyUp(attempt, plan, sink);
      attempt.mayHaveStaged = true;
      return sink.stage(path, content, { owner: `${run.runId}-${what}-${run.attempt}` });
    };
    const stageHere = (run: Run, part: number, path: string): Promise<Step> =>
      this.pipelines.use(() =>
        this.parts.stage({
          ...{ run, plan, scope, signal, part, snapshot: ahead?.snapshot ?? null },
          encryptionKey: inUse.account.encryptionKey?.armored ?? null,
          stage: (content) => stage(run, path, content, `part-${part}`),
          onProgress: this.progress.reporterOf(run),
        }),
      );
    try {
      await deliver(attempt.run, plan, {
        ...{ scope, sink, stage },
        record: (step) => attempt.record(step),
        stagePart: async (run, part, path) => {
          if (!ahead && !alone && mayHaveMore(run, plan)) {
            await this.tidyUp(attempt, plan, sink);
            attempt.mayHaveStaged = true;
            ahead = await this.aheads.open(run, plan, scope, signal);
          }
          const outcome = ahead ? await ahead.outcomeOf(part) : UNTOUCHED;
          if (outcome.type !== 'Ours') return outcome;
          const { because, mayHaveLeft } = outcome;
          if (because) {
            countRetry(because.slug);
            this.log.warn(
              `run ${attempt.runId}: part ${part} is staged here, since its worker could not: ${because.message}`,
            );
          }
          if (mayHaveLeft) {
            // Where another attempt has begun, what lies there is its own: it is told so here.
            await attempt.record({ type: 'UseCredentials', credentials: inUse.credentials });
            await sink.sweep(plan.folder, ownerOfPart(run, part), [path]);
          }
          return stageHere(run, part, path);
        },
        checkpoint: (run) => attempt.checkpoint(run),
      });
    } finally {
      if (ahead) {
        attempt.mayHaveLeft = true;
        await ahead
          .close(attempt.interruption() !== 'handed-over')
          .catch((error: unknown) => this.log.warn(`run ${attempt.runId}: workers stop later: ${messageOf(error)}`));
      }
      await sink.close();
    }
  }

  /** Before the first file of an attempt that follows another, or of a try that follows one with many workers. */
  private async tidyUp(attempt: Attempt, plan: Plan, sink: FileSink): Promise<void> {
    if (!attempt.mayHaveLeft) return;
    await this.removeUnrecorded(attempt.run, plan, sink);
    attempt.mayHaveLeft = false;
  }

  /** What workers have staged and nobody will publish, and what those left behind that were killed. */
  private async removeUnrecorded(run: Run, plan: Plan, sink: FileSink): Promise<void> {
    for (const step of await this.work.clear(run)) {
      if (step.type === 'StagePart' && step.part > run.parts.length) await sink.discard(step);
    }
    const manifest = pathIn(plan.folder, manifestName(plan.destination.id, run.runId));
    await sink.sweep(plan.folder, run.runId, [...pathsAhead(run, plan), manifest]);
  }

  private async planned(attempt: Attempt): Promise<{ readonly plan: Plan; readonly inUse: AccountInUse }> {
    const { run } = attempt;
    if (run.plan) {
      const inUse = await this.planner.accountOf(run.plan.accountId, attempt.context());
      await attempt.record({ type: 'UseCredentials', credentials: inUse.credentials });
      return { plan: run.plan, inUse };
    }
    const { plan, ...inUse } = await this.planner.plan(run, attempt.context());
    await attempt.record({ type: 'PlanRun', plan, credentials: inUse.credentials });
    return { plan, inUse };
  }

  /** What became of an attempt that did not reach the end. */
  private async settle(attempt: Attempt, error: unknown): Promise<void> {
    const interruption = attempt.interruption() ?? (error instanceof Stop ? error.why : undefined);
    const slug = isWaybillError(error) ? error.slug : undefined;
    if (interruption === 'handed-over' || slug === 'run-attempt-superseded' || slug === 'run-ended') {
      this.log.log(`run ${attempt.runId}: attempt ${attempt.number} stops here, and another goes on`);
      return;
    }
    if (attempt.number === 0) throw error; // it never was ours, and there is nothing to record
    const at = new Date().toISOString();
    if (interruption === 'cancelled') {
      await attempt.record({ type: 'CancelRun', ...(await this.removeStaged(attempt)), at });
      return;
    }
    if (slug === RUN_SUPERSEDED) {
      await this.runs.step(attempt.runId, attempt.cause, { type: 'RequestCancellation', reason: messageOf(error), at });
      await attempt.record({ type: 'CancelRun', at });
      return;
    }
    if (!isWaybillError(error)) this.log.error({ err: error }, `run ${attempt.runId} failed`);
    await attempt.record({ type: 'FailRun', problem: problemOf(error), ...(await this.removeStaged(attempt)), at });
  }

  /** Nothing half-written stays at the partner, as far as they let us; else answers what may be left, for people to see. */
  private async removeStaged(attempt: Attempt): Promise<Untidy> {
    const { run } = attempt;
    const { plan } = run;
    if (!plan || !attempt.mayHaveStaged) return {};
    try {
      const inUse = await this.planner.accountOf(plan.accountId, attempt.context());
      const sink = await this.partner.openSink(plan, inUse, attempt.context(), AbortSignal.timeout(30_000));
      try {
        const last = run.parts.at(-1);
        if (last && !last.published) await sink.discard(last);
        if (run.manifest && !run.manifest.published) await sink.discard(run.manifest);
        await this.removeUnrecorded(run, plan, sink);
      } finally {
        await sink.close();
      }
      return {};
    } catch (error) {
      const leftBehind =
        `In "${plan.folder}" at the partner, temporary files or unfinished uploads of this run may be left, ` +
        `since they could not be removed: ${messageOf(error)}`;
      this.log.warn(`run ${attempt.runId}: ${leftBehind}`);
      return { leftBehind };
    }
  }
}

/** One worker's turn at a run: its number fences it, and its signal ends with the lease, the process or a cancellation. */
class Attempt {
  run!: Run;
  number = 0;
  /** Whether it, or one before it, began to write at the partner. */
  mayHaveStaged = false;
  /** Whether there may be something at the partner that no event tells of. */
  mayHaveLeft = false;
  private readonly cancelled = new AbortController();
  private watching: NodeJS.Timeout | undefined;
  readonly signal: AbortSignal;

  constructor(
    private readonly runs: Runs,
    readonly runId: string,
    readonly cause: RunCause,
    private readonly outer: AbortSignal,
  ) {
    this.signal = AbortSignal.any([outer, this.cancelled.signal]);
  }

  async begin(worker: string): Promise<void> {
    this.run = await this.runs.step(this.runId, this.cause, { type: 'StartRun', worker, at: new Date().toISOString() });
    this.number = this.run.attempt;
    this.mayHaveStaged = this.mayHaveLeft = this.number > 1;
    this.watching = setInterval(() => void this.look(), CANCELLATION_LOOK_MS);
  }

  end(): void {
    clearInterval(this.watching);
  }

  get ended(): boolean {
    return ['completed', 'cancelled'].includes(this.run.status);
  }

  interruption(): Stop['why'] | undefined {
    if (this.cancelled.signal.aborted) return 'cancelled';
    return this.outer.aborted ? 'handed-over' : undefined;
  }

  checkpoint(run: Run): void {
    if (run.cancellationRequested) this.cancelled.abort();
    const why = this.interruption();
    if (why) throw new Stop(why);
  }

  async record(step: Step): Promise<Run> {
    this.run = await this.runs.step(this.runId, this.cause, { ...step, attempt: this.number });
    if (step.type === 'PublishPart') countFile(this.run, step.part);
    return this.run;
  }

  context(): CommandContext {
    return workContextOf(this.cause);
  }

  private async look(): Promise<void> {
    const state: RunState | undefined = await this.runs.existing(this.cause, this.runId).then(
      (loaded) => loaded.state,
      () => undefined, // the next look tells
    );
    if (state && state.status !== 'none' && state.cancellationRequested && !state.manifest?.published)
      this.cancelled.abort();
  }
}
