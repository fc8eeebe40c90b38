import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import { errorOf } from '@waybill/contracts';
import { pathIn } from '@waybill/connectors';
import type { Scope, WaybillError } from '@waybill/kernel';
import { type Database, databaseUnavailable, isTransient } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { scoutParts } from '../rows/index.js';
import { fileNameOfPart, type Plan, type Run } from '../run/index.js';
import { Boundaries } from './boundaries.js';
import type { Step } from './deliver.js';
import { rowsOf } from './part-stager.js';
import { PartWork } from './part-work.js';

/** Runs of a process that are scouted at once: each keeps a connection to the database, beside those that parts are read on. */
const MOST_SCOUTS = 2;
/** Parts that may be staged and not published yet. */
export const LOOK_AHEAD = 8;
const LOOK_MS = 250;

/** Whether a run may have more parts than the one in hand. Incremental ones are mostly much smaller than their segment. */
export const mayHaveMore = ({ parts }: Run, { members, files }: Plan): boolean => {
  const last = parts.at(-1);
  return last ? last.more : members > files.maxRowsPerFile;
};

/** The final paths of the part to be staged next and of those that may be staged before it is published. */
export const pathsAhead = (run: Run, plan: Plan): readonly string[] =>
  Array.from({ length: LOOK_AHEAD + 1 }, (_, ahead) => {
    const revision = ahead === 0 ? run.next.revision : plan.revision;
    return pathIn(plan.folder, fileNameOfPart(plan, run.parts.length + 1 + ahead, revision));
  });

/** Offers the parts behind the one in hand to all workers, as soon as it is known where they begin. */
@Injectable()
export class LookAheads {
  private scouts = 0;

  constructor(
    @Inject(DATABASE) readonly database: Database,
    @Inject(Boundaries) readonly boundaries: Boundaries,
    @Inject(PartWork) readonly work: PartWork,
  ) {}

  /** Undefined while there are as many as a process may have. */
  async open(run: Run, plan: Plan, scope: Scope, signal: AbortSignal): Promise<LookAhead | undefined> {
    const after = await this.boundaries.endOf(run.runId, run.parts.length);
    if (this.scouts >= MOST_SCOUTS) return undefined;
    this.scouts += 1;
    const ahead = new LookAhead(this, { run, plan, scope, after, signal });
    void ahead.scouting.then(() => (this.scouts -= 1));
    await ahead.ready;
    return ahead;
  }
}

interface Try {
  readonly run: Run;
  readonly plan: Plan;
  readonly scope: Scope;
  /** Where the last part ended that is recorded. */
  readonly after: string | null;
  readonly signal: AbortSignal;
}

/** A part that whoever executes the run stages itself. */
export interface Ours {
  readonly type: 'Ours';
  /** Whether a worker had it before, and may have left something at the partner. */
  readonly mayHaveLeft: boolean;
  /** Why that worker did not stage it. */
  readonly because?: WaybillError;
}
export const UNTOUCHED: Ours = { type: 'Ours', mayHaveLeft: false };

/** Of one try at a run. Everything of it is read in one snapshot, so that parts meet whoever reads them. */
export class LookAhead {
  /** Of the database; others may read in it until this is closed. */
  snapshot = '';
  /** Never rejects: a failure ends everything here, and is told by `outcomeOf`. */
  readonly scouting: Promise<void>;
  readonly ready: Promise<void>;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  private readonly moves = new EventEmitter().setMaxListeners(0);
  /** By part; each resolves once the part is there to be taken. */
  private readonly offers = new Map<number, Promise<void>>();
  /** The last one, which may outlast the scout. */
  private offering: Promise<void> = Promise.resolve();
  private inHand: number;
  private found: number;

  constructor(
    private readonly tools: LookAheads,
    private readonly of: Try,
  ) {
    const { run, plan, scope, after } = of;
    this.inHand = this.found = run.parts.length + 1;
    this.signal = AbortSignal.any([of.signal, this.over.signal]);
    const { promise: hasSnapshot, resolve } = Promise.withResolvers<void>();
    this.scouting = scoutParts(tools.database, rowsOf(plan, run.mode, scope), {
      after,
      signal: this.signal,
      onSnapshot: (id) => {
        this.snapshot = id;
        resolve();
      },
      onPartEnd: (lastKey) => (this.offering = this.offerAfter(this.found++, lastKey)),
    }).catch((error: unknown) => this.over.abort(isTransient(error) ? databaseUnavailable(error) : error));
    this.ready = Promise.race([hasSnapshot, this.scouting]);
  }

  /**
   * What became of a part that a worker has; else it is for whoever asks to stage. So it is after an error of the kind
   * `unavailable`: that worker may be the only one that could not reach something. Any other error of it rejects as if it had
   * been one's own.
   */
  async outcomeOf(part: number): Promise<Step | Ours> {
    const { work } = this.tools;
    const { run } = this.of;
    this.signal.throwIfAborted();
    this.inHand = part;
    this.moves.emit('move');
    const offer = this.offers.get(part);
    this.offers.delete(part);
    await work.settle(run, offer ? part - 1 : part);
    if (!offer) return UNTOUCHED;
    await offer;
    for (;;) {
      const heard = rung(work.bell, 'done', this.signal);
      const outcome = await work.outcomeOf(run, part);
      if (outcome?.state === 'staged') return outcome.step;
      if (outcome?.state === 'gone') return { type: 'Ours', mayHaveLeft: true };
      if (outcome) return { type: 'Ours', mayHaveLeft: true, because: unlessFinal(errorOf(outcome.problem)) };
      const withdrawn = await work.withdraw(run, part);
      if (withdrawn) return { type: 'Ours', mayHaveLeft: withdrawn.retaken };
      await heard;
      this.signal.throwIfAborted();
    }
  }

  /**
   * Stops who is at work on parts of this try. Unless another attempt follows, which does not care, it waits for them, so that
   * nothing is begun any more at the partner; who does not answer is waited for until its lease ends.
   */
  async close(wait: boolean): Promise<void> {
    const { work } = this.tools;
    const { run } = this.of;
    this.over.abort();
    await this.scouting;
    await this.offering.catch(() => undefined);
    await work.stop(run);
    while (wait && (await work.stopping(run)) > 0) await sleep(LOOK_MS / 2);
  }

  /** The part after one that ends here. */
  private async offerAfter(ended: number, lastKey: string): Promise<void> {
    const { run, plan, scope } = this.of;
    const { runId, attempt } = run;
    const part = ended + 1;
    await this.tools.boundaries.keep(run, ended, lastKey);
    while (part > this.inHand + LOOK_AHEAD) await once(this.moves, 'move', { signal: this.signal });
    if (part <= this.inHand) return; // it is staged by who asked for it
    this.signal.throwIfAborted();
    const path = pathIn(plan.folder, fileNameOfPart(plan, part, plan.revision));
    const offer = this.tools.work.offer({ runId, attempt, part, ...scope, path, snapshot: this.snapshot });
    this.offers.set(part, offer);
    await offer;
  }
}

const unlessFinal = (error: WaybillError): WaybillError => {
  if (error.kind === 'unavailable' && error.slug !== 'run-credentials-changed') return error;
  throw error;
};

/** Resolves when the bell rings, when the signal aborts, and after a while at any rate. */
const rung = async (bell: EventEmitter, name: string, signal: AbortSignal): Promise<void> => {
  const late = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
  await once(bell, name, { signal: late }).catch(() => undefined);
};
