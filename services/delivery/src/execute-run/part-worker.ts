import { Inject, Injectable, Logger } from '@nestjs/common';
import { canonicalJson, type CommandContext, isWaybillError, messageOf, newId, WaybillError } from '@waybill/kernel';
import { databaseUnavailable, isTransient } from '@waybill/postgres';
import { loggedFor, traced, type Worker } from '@waybill/service-kit';
import { type LoadedRun, Runs, workContextOf } from '../list-runs/runs.js';
import type { Plan, Run } from '../run/index.js';
import type { Step } from './deliver.js';
import { Partner } from './partner.js';
import { PartStager } from './part-stager.js';
import { ownerOfPart, PartWork, type TakenPart } from './part-work.js';
import { Pipelines } from './pipelines.js';
import { type AccountInUse, Planner } from './plan-run.js';
import { countTake } from './run-metrics.js';

const LOOK_MS = 250;
const LEASE_SECONDS = 15;
const RENEW_MS = 1_000;
const SWEEP_MS = 60 * 60 * 1_000;
const DISCARD_MS = 30_000;

/** Why a worker lets go of a part. */
class NoLongerOurs extends Error {}

/** The run of a part as it is now, and what is needed at its partner. */
interface Job {
  readonly taken: TakenPart;
  readonly run: Run;
  readonly plan: Plan;
  readonly inUse: AccountInUse;
  readonly context: CommandContext;
}

/**
 * Stages parts of runs that are executed by whatever delivery process. It holds each by a lease, and what it has staged counts
 * only if it is still the holder then: else it discards it.
 */
@Injectable()
export class PartWorker implements Worker {
  private readonly log = new Logger('part worker');
  private readonly owner = newId();
  private readonly underWay = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private timers: readonly NodeJS.Timeout[] = [];
  private looking = false;

  constructor(
    @Inject(PartWork) private readonly work: PartWork,
    @Inject(Pipelines) private readonly pipelines: Pipelines,
    @Inject(Runs) private readonly runs: Runs,
    @Inject(Planner) private readonly planner: Planner,
    @Inject(Partner) private readonly partner: Partner,
    @Inject(PartStager) private readonly parts: PartStager,
  ) {}

  start(): void {
    this.timers = [setInterval(this.look, LOOK_MS), setInterval(this.sweep, SWEEP_MS)];
    this.work.bell.on('offered', this.look);
    this.sweep();
  }

  /** Parts in hand are left to other workers. */
  async stop(): Promise<void> {
    this.timers.forEach((timer) => clearInterval(timer));
    this.work.bell.off('offered', this.look);
    this.stopping.abort();
    await Promise.all(this.underWay);
  }

  private readonly sweep = (): void => {
    this.work.sweep().catch((error: unknown) => this.log.warn(`old parts stay for now: ${messageOf(error)}`));
  };

  private readonly look = (): void => {
    if (this.looking) return;
    this.looking = true;
    this.takeAll()
      .catch((error: unknown) => this.log.warn(`looking for parts failed and is tried again: ${messageOf(error)}`))
      .finally(() => (this.looking = false));
  };

  /** As many as there is room for. */
  private async takeAll(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const release = this.pipelines.takeForPart();
      if (!release) return;
      const taken = await this.work.take(this.owner, LEASE_SECONDS).catch((error: unknown) => {
        release();
        throw error;
      });
      if (!taken) return release();
      const done = this.holdAs(taken)
        .catch((error: unknown) => this.log.error(`${nameOf(taken)} is left to others: ${messageOf(error)}`))
        .finally(() => {
          this.underWay.delete(done);
          release();
          this.look();
        });
      this.underWay.add(done);
    }
  }

  private holdAs(taken: TakenPart): Promise<void> {
    const { tenant, sandbox } = taken;
    let correlationId: string | undefined;
    return loggedFor(
      () => ({ tenant, sandbox, correlationId }),
      () => this.hold(taken, (run) => ({ correlationId } = run)),
    );
  }

  private async hold(taken: TakenPart, onLoaded: (run: LoadedRun) => void): Promise<void> {
    this.log.log(`${nameOf(taken)} is taken`);
    const lost = new AbortController();
    const done = { rows: 0, bytes: 0 };
    const renewing = setInterval(() => {
      this.work.renew(taken, LEASE_SECONDS, done).then(
        (held) => held || lost.abort(new NoLongerOurs(`${nameOf(taken)} is no longer ours`)),
        (error: unknown) => this.log.warn(`the lease of ${nameOf(taken)} could not be renewed: ${messageOf(error)}`),
      );
    }, RENEW_MS);
    const signal = AbortSignal.any([this.stopping.signal, lost.signal]);
    try {
      const run = await this.runs.existing(taken, taken.runId);
      onLoaded(run);
      const onProgress: Staging['onProgress'] = ({ rows, contentBytes }) =>
        Object.assign(done, { rows, bytes: contentBytes });
      await this.stage(taken, run, { signal, onProgress });
    } catch (error) {
      await this.letGo(taken, error, lost.signal.aborted);
    } finally {
      clearInterval(renewing);
    }
  }

  private async letGo(taken: TakenPart, error: unknown, isLost: boolean): Promise<void> {
    if (isLost || error instanceof NoLongerOurs) return this.leave(taken);
    if (this.stopping.signal.aborted) return this.work.giveBack(taken);
    const told = isTransient(error) ? databaseUnavailable(error) : error;
    if (!(await this.work.fail(taken, told))) return this.leave(taken);
    if (isWaybillError(told)) this.log.warn(`${nameOf(taken)} could not be staged: ${told.message}`);
    else this.log.error({ err: error }, `${nameOf(taken)} could not be staged`);
    countTake('failed');
  }

  private async leave(taken: TakenPart): Promise<void> {
    this.log.warn(`${nameOf(taken)} was taken from this worker, and what it had staged is discarded`);
    countTake('refused');
    await this.work.leave(taken);
  }

  private async stage(taken: TakenPart, loaded: LoadedRun, staging: Staging): Promise<void> {
    const { state: run, traceparent: parent, correlationId } = loaded;
    const { tenant, sandbox, attempt } = taken;
    const { plan } = run;
    if (run.status !== 'running' || run.attempt !== attempt || !plan) throw new NoLongerOurs();
    await traced('stage part', { parent }, async () => {
      const context = workContextOf({ tenant, sandbox, correlationId });
      const inUse = await this.planner.accountOf(plan.accountId, context);
      await this.stageAs({ taken, run, plan, inUse, context }, staging);
    });
  }

  private async stageAs(job: Job, { signal, onProgress }: Staging): Promise<void> {
    const { taken, run, plan, inUse, context } = job;
    const { attempt, part, path, snapshot, take, tenant, sandbox } = taken;
    if (canonicalJson(inUse.credentials) !== canonicalJson(run.credentials)) throw credentialsChanged();
    const sink = await this.partner.openSink(plan, inUse, context, signal);
    let step: Step;
    try {
      if (taken.retaken) await sink.sweep(plan.folder, ownerOfPart(taken, part), [path]);
      step = await this.parts.stage({
        ...{ run, plan, part, snapshot, signal, onProgress },
        scope: { tenant, sandbox },
        encryptionKey: inUse.account.encryptionKey?.armored ?? null,
        // Two workers that believe to have the same part never write under one name.
        stage: (content) => sink.stage(path, content, { owner: `${ownerOfPart(taken, part)}${attempt}.${take}` }),
      });
    } finally {
      await sink.close();
    }
    if (await this.work.complete(taken, step)) {
      this.log.log(`${nameOf(taken)} is staged`);
      return countTake('staged');
    }
    await this.discard(job, step);
    throw new NoLongerOurs();
  }

  /** Somebody else has the part: what was staged here is nobody's. */
  private async discard({ plan, inUse, context }: Job, step: Step): Promise<void> {
    if (step.type !== 'StagePart') return;
    const sink = await this.partner.openSink(plan, inUse, context, AbortSignal.timeout(DISCARD_MS));
    await sink.discard(step).finally(() => sink.close());
  }
}

type Staging = Pick<Parameters<PartStager['stage']>[0], 'signal' | 'onProgress'>;

const nameOf = ({ runId, part, attempt }: TakenPart): string => `part ${part} of run ${runId}, attempt ${attempt},`;

const credentialsChanged = (): WaybillError =>
  new WaybillError(
    'run-credentials-changed',
    'unavailable',
    'The credentials or the key of the account were replaced while parts of the run were staged; it goes on with the new ones.',
  );
