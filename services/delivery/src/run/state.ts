import type { ExportMode, Problem } from '@waybill/contracts';
import { unreachable } from '@waybill/kernel';
import type {
  CredentialsInUse,
  PartContent,
  Plan,
  Published,
  RunEvent,
  Staged,
  Tally,
  Totals,
  Trigger,
  Untidy,
} from './events.js';
import { addTally, NO_TALLY } from './tally.js';

export interface Part extends PartContent {
  readonly part: number;
  readonly revision: number;
  readonly published: Published | null;
  readonly verification: 'checksum' | 'size' | 'unreadable' | null;
}

export interface ManifestFile extends Staged {
  readonly published: Published | null;
}

export interface Run extends Untidy {
  /** A run that failed and is retried is `queued` again and goes on from what stands here. */
  readonly status: 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';
  readonly runId: string;
  readonly destinationId: string;
  readonly segmentId: string;
  readonly mode: ExportMode;
  readonly trigger: Trigger;
  readonly requestedAt: string;
  /** The fencing number: only the worker that was given it may write. 0 while nobody has begun. */
  readonly attempt: number;
  readonly plan: Plan | null;
  readonly credentials: CredentialsInUse | null;
  /** Staged ones, in order; each is verified before the next is staged. */
  readonly parts: readonly Part[];
  /** Of the part to be staged next: how its name differs, and how often it was set aside. */
  readonly next: { readonly revision: number; readonly setAside: number };
  /** Set when there is not a single row to deliver. */
  readonly nothing: Tally | null;
  readonly manifest: ManifestFile | null;
  readonly cancellationRequested: boolean;
  readonly problem: Problem | null;
  /** The slug of the problem that somebody has seen and retried the run after, until the part in hand is settled. */
  readonly retriedAfter: string | null;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  readonly totals: Totals | null;
}

export type RunState = { readonly status: 'none' } | Run;

export const initialState: RunState = { status: 'none' };

const nextOf = (plan: Plan | null): Run['next'] => ({ revision: plan?.revision ?? 1, setAside: 0 });

const replaceLast = (parts: readonly Part[], changes: Partial<Part>): readonly Part[] => {
  const last = parts.at(-1);
  return last ? [...parts.slice(0, -1), { ...last, ...changes }] : parts;
};

const ended = ({ finishedAt, leftBehind }: Untidy & { readonly finishedAt: string }): Partial<Run> => ({
  finishedAt,
  ...(leftBehind !== undefined && { leftBehind }),
});

const publishedOf = ({ outcome, fallback }: Published): Published => ({
  outcome,
  ...(fallback !== undefined && { fallback }),
});

export const evolve = (state: RunState, event: RunEvent): RunState => {
  if (event.type === 'RunRequested') {
    if (state.status !== 'none') return state;
    return {
      status: 'queued',
      ...event.data,
      attempt: 0,
      plan: null,
      credentials: null,
      parts: [],
      next: nextOf(null),
      nothing: null,
      manifest: null,
      cancellationRequested: false,
      problem: null,
      retriedAfter: null,
      startedAt: null,
      finishedAt: null,
      totals: null,
    };
  }
  return state.status === 'none' ? state : evolveRun(state, event);
};

const evolveRun = (run: Run, event: Exclude<RunEvent, { type: 'RunRequested' }>): Run => {
  switch (event.type) {
    case 'RunStarted':
      return {
        ...run,
        status: 'running',
        attempt: event.data.attempt,
        startedAt: run.startedAt ?? event.data.startedAt,
      };
    case 'RunPlanned':
      return { ...run, plan: event.data.plan, credentials: event.data.credentials, next: nextOf(event.data.plan) };
    case 'RunCredentialsChanged':
      return { ...run, credentials: event.data.credentials };
    case 'PartStaged': {
      const { attempt: _, ...content } = event.data;
      const part = { ...content, revision: run.next.revision, published: null, verification: null };
      return { ...run, parts: [...run.parts, part] };
    }
    case 'PartPublished':
      return { ...run, parts: replaceLast(run.parts, { published: publishedOf(event.data) }) };
    case 'PartVerified':
      return {
        ...run,
        parts: replaceLast(run.parts, { verification: event.data.verification }),
        next: nextOf(run.plan),
        retriedAfter: null,
      };
    case 'PartSetAside': {
      const { revision, setAside } = run.next;
      const next = {
        revision: event.data.reason === 'staged-file-lost' ? revision : revision + 1,
        setAside: setAside + 1,
      };
      return { ...run, parts: run.parts.slice(0, -1), next, retriedAfter: null };
    }
    case 'NothingToDeliver':
      return { ...run, nothing: { counts: event.data.counts, skippedBecause: event.data.skippedBecause } };
    case 'ManifestStaged': {
      const { attempt: _, ...staged } = event.data;
      return { ...run, manifest: { ...staged, published: null } };
    }
    case 'ManifestPublished':
      return { ...run, manifest: run.manifest && { ...run.manifest, published: publishedOf(event.data) } };
    case 'RunCompleted':
      return { ...run, status: 'completed', totals: event.data.totals, finishedAt: event.data.finishedAt };
    case 'RunFailed':
      return { ...run, ...ended(event.data), status: 'failed', problem: event.data.problem };
    case 'RunCancellationRequested':
      return { ...run, cancellationRequested: true };
    case 'RunCancelled':
      return { ...run, ...ended(event.data), status: 'cancelled' };
    case 'RunRetried': {
      const { leftBehind: _, ...tidy } = run; // the next attempt removes it
      return {
        ...tidy,
        status: 'queued',
        problem: null,
        retriedAfter: run.problem?.slug ?? null,
        finishedAt: null,
        cancellationRequested: false,
      };
    }
    default:
      return unreachable(event, run);
  }
};

/** What was taken up and delivered so far: by the parts that have their final names, and by a run without rows. */
export const tallyOf = ({ parts, nothing }: Run): Tally =>
  [...parts.filter(({ published }) => published !== null), ...(nothing ? [nothing] : [])].reduce(addTally, NO_TALLY);
