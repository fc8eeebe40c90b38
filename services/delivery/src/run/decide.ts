import type { ExportMode, Problem } from '@waybill/contracts';
import { canonicalJson, WaybillError } from '@waybill/kernel';
import type {
  AsideReason,
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
import { type Part, type Run, type RunState, tallyOf } from './state.js';

export interface RequestRun {
  readonly type: 'RequestRun';
  readonly runId: string;
  readonly destinationId: string;
  readonly segmentId: string;
  readonly mode: ExportMode;
  readonly trigger: Trigger;
  readonly at: string;
}
/** A worker takes the run, or takes it over from one that is gone. Its attempt is one more than the last. */
export interface StartRun {
  readonly type: 'StartRun';
  readonly worker: string;
  readonly at: string;
}
/** People cancel and retry runs; workers do everything else, each step with the attempt that they were given. */
export interface RequestCancellation {
  readonly type: 'RequestCancellation';
  readonly reason: string;
  readonly at: string;
}
export interface RetryRun {
  readonly type: 'RetryRun';
  readonly at: string;
}

interface Step {
  readonly attempt: number;
}
export interface PlanRun extends Step {
  readonly type: 'PlanRun';
  readonly plan: Plan;
  readonly credentials: CredentialsInUse;
}
/** An attempt that finds others than the last one had, such as after a rotation. The same ones are no event. */
export interface UseCredentials extends Step {
  readonly type: 'UseCredentials';
  readonly credentials: CredentialsInUse;
}
export interface StagePart extends Step, PartContent {
  readonly type: 'StagePart';
  readonly part: number;
}
export interface PublishPart extends Step, Published {
  readonly type: 'PublishPart';
  readonly part: number;
}
export interface VerifyPart extends Step {
  readonly type: 'VerifyPart';
  readonly part: number;
  readonly verification: 'checksum' | 'size' | 'unreadable';
}
/** Gives a part up and stages it anew. */
export interface SetPartAside extends Step {
  readonly type: 'SetPartAside';
  readonly part: number;
  readonly reason: AsideReason;
}
/**
 * Everything was read, and not a single row is (left) to be delivered. Without any part there is no file, but there is a run,
 * and its manifest. After a part, the rows that were seen behind it are gone.
 */
export interface RecordNothing extends Step, Tally {
  readonly type: 'RecordNothing';
}
/** Again, when the partner removed the temporary file. */
export interface StageManifest extends Step, Staged {
  readonly type: 'StageManifest';
}
export interface PublishManifest extends Step, Published {
  readonly type: 'PublishManifest';
}
export interface CompleteRun extends Step {
  readonly type: 'CompleteRun';
  readonly at: string;
}
export interface FailRun extends Step, Untidy {
  readonly type: 'FailRun';
  readonly problem: Problem;
  readonly at: string;
}
/** After what was staged and not published is gone from the partner's system. */
export interface CancelRun extends Step, Untidy {
  readonly type: 'CancelRun';
  readonly at: string;
}

export type RunStep =
  | PlanRun
  | UseCredentials
  | StagePart
  | PublishPart
  | VerifyPart
  | SetPartAside
  | RecordNothing
  | StageManifest
  | PublishManifest
  | CompleteRun
  | FailRun
  | CancelRun;
export type RunCommand = RequestRun | StartRun | RequestCancellation | RetryRun | RunStep;

/** What a run needs to go on from where it stood is kept for so long after it failed. */
export const RETRY_DAYS = 30;
const RETRY_MS = RETRY_DAYS * 24 * 60 * 60 * 1_000;

/** A partner that keeps taking names or removing files is not to be fought for ever. */
const MOST_SET_ASIDE = 5;

const existing = (state: RunState): Run => {
  if (state.status !== 'none') return state;
  throw new WaybillError('run-not-found', 'not-found', 'There is no such run.');
};

const unended = (state: RunState): Run => {
  const run = existing(state);
  if (run.status === 'queued' || run.status === 'running') return run;
  throw new WaybillError('run-ended', 'conflict', `The run has ended already: it is ${run.status}.`);
};

/** Keeps a worker out that was believed dead, and is not: its successor owns the run. */
const ofAttempt = (state: RunState, attempt: number): Run => {
  const run = unended(state);
  if (run.status === 'running' && run.attempt === attempt) return run;
  throw new WaybillError(
    'run-attempt-superseded',
    'conflict',
    `Attempt ${attempt} of the run may write no more: attempt ${run.attempt} has taken over, or the run waits to be started.`,
  );
};

const outOfOrder = (what: string): WaybillError =>
  new WaybillError('run-step-out-of-order', 'internal', `The run cannot go this step: ${what}.`);

const refuseWhenCancelled = (run: Run): void => {
  if (!run.cancellationRequested) return;
  throw new WaybillError(
    'run-cancellation-requested',
    'conflict',
    'The run is to be cancelled; nothing more is staged.',
  );
};

const planOf = ({ plan }: Run): Plan => {
  if (plan) return plan;
  throw outOfOrder('it has no plan yet');
};

/** Whether every row that there is has its final name, and was looked at there. */
const allDelivered = ({ parts, nothing }: Run): boolean => {
  const last = parts.at(-1);
  return nothing !== null || (last !== undefined && last.verification !== null && !last.more);
};

const lastPart = (run: Run, part: number): Part => {
  const last = run.parts.at(-1);
  if (last?.part === part) return last;
  throw outOfOrder(`part ${part} is not the one in hand`);
};

const request = ({ type: _, at, ...data }: RequestRun, state: RunState): readonly RunEvent[] =>
  state.status === 'none' ? [{ type: 'RunRequested', data: { ...data, requestedAt: at } }] : [];

const start = ({ worker, at }: StartRun, state: RunState): readonly RunEvent[] => {
  const { attempt } = unended(state);
  return [{ type: 'RunStarted', data: { attempt: attempt + 1, worker, startedAt: at } }];
};

const requestCancellation = ({ reason, at }: RequestCancellation, state: RunState): readonly RunEvent[] => {
  const run = unended(state);
  if (run.cancellationRequested) return [];
  const requested: RunEvent = { type: 'RunCancellationRequested', data: { reason } };
  const untouched = run.status === 'queued' && run.parts.length === 0;
  // What an earlier attempt left at the partner is for a worker to remove.
  return untouched
    ? [requested, { type: 'RunCancelled', data: { attempt: run.attempt, finishedAt: at } }]
    : [requested];
};

const retry = ({ at }: RetryRun, state: RunState): readonly RunEvent[] => {
  const { status, finishedAt } = existing(state);
  if (status !== 'failed') {
    throw new WaybillError(
      'run-not-failed',
      'conflict',
      `Only a failed run can be retried, and this one is ${status}. Ask for a new export instead.`,
    );
  }
  if (finishedAt !== null && Date.parse(at) - Date.parse(finishedAt) > RETRY_MS) {
    throw new WaybillError(
      'run-too-old-to-retry',
      'conflict',
      `The run failed at ${finishedAt}, and a run can be retried for ${RETRY_DAYS} days. Ask for a new export instead.`,
    );
  }
  return [{ type: 'RunRetried', data: { retriedAt: at } }];
};

const plan = ({ attempt, plan, credentials }: PlanRun, run: Run): readonly RunEvent[] => {
  if (run.plan) throw outOfOrder('it is planned already');
  return [{ type: 'RunPlanned', data: { attempt, plan, credentials } }];
};

const useCredentials = ({ attempt, credentials }: UseCredentials, run: Run): readonly RunEvent[] => {
  planOf(run);
  if (canonicalJson(credentials) === canonicalJson(run.credentials)) return [];
  if ((credentials.keyFingerprint === null) !== (run.credentials?.keyFingerprint === null)) {
    throw new WaybillError(
      'encryption-changed',
      'refused',
      'Since this run was planned, the account was given an encryption key, or lost the one it had. Ask for a new export, which is planned with it.',
    );
  }
  return [{ type: 'RunCredentialsChanged', data: { attempt, credentials } }];
};

const stagePart = ({ type: _, ...data }: StagePart, run: Run): readonly RunEvent[] => {
  planOf(run);
  refuseWhenCancelled(run);
  const last = run.parts.at(-1);
  if (last && last.verification === null) throw outOfOrder(`part ${last.part} is not verified yet`);
  if (allDelivered(run)) throw outOfOrder('all rows are delivered');
  if (data.part !== run.parts.length + 1)
    throw outOfOrder(`the next part is ${run.parts.length + 1}, not ${data.part}`);
  return [{ type: 'PartStaged', data }];
};

const publishPart = ({ type: _, ...data }: PublishPart, run: Run): readonly RunEvent[] =>
  lastPart(run, data.part).published ? [] : [{ type: 'PartPublished', data }];

const verifyPart = ({ type: _, ...data }: VerifyPart, run: Run): readonly RunEvent[] => {
  const part = lastPart(run, data.part);
  if (!part.published) throw outOfOrder(`part ${data.part} is not published yet`);
  return part.verification ? [] : [{ type: 'PartVerified', data }];
};

const setPartAside = ({ attempt, part: number, reason }: SetPartAside, run: Run): readonly RunEvent[] => {
  const part = lastPart(run, number);
  if (part.verification) throw outOfOrder(`part ${number} is verified already`);
  if ((reason === 'verification-failed') !== (part.published !== null)) {
    throw outOfOrder(`part ${number} is ${part.published ? '' : 'not '}published, which ${reason} does not fit`);
  }
  if (run.next.setAside >= MOST_SET_ASIDE) {
    throw new WaybillError(
      'part-set-aside-too-often',
      'refused',
      `File ${number} of the run was staged ${MOST_SET_ASIDE + 1} times and could not be published (last: ${reason}). Something at the partner takes its names or removes its temporary files.`,
    );
  }
  return [{ type: 'PartSetAside', data: { attempt, part: number, reason, path: part.path } }];
};

const recordNothing = ({ attempt, counts, skippedBecause }: RecordNothing, run: Run): readonly RunEvent[] => {
  planOf(run);
  const last = run.parts.at(-1);
  if (last && !(last.more && last.verification)) throw outOfOrder('its last part says that no other follows');
  return run.nothing ? [] : [{ type: 'NothingToDeliver', data: { attempt, counts, skippedBecause } }];
};

const stageManifest = ({ type: _, ...data }: StageManifest, run: Run): readonly RunEvent[] => {
  if (!planOf(run).files.manifest) throw outOfOrder('its destination wants no manifest');
  if (!allDelivered(run)) throw outOfOrder('the manifest comes after all files');
  if (run.manifest?.published) return [];
  refuseWhenCancelled(run);
  return [{ type: 'ManifestStaged', data }];
};

const publishManifest = ({ type: _, ...data }: PublishManifest, run: Run): readonly RunEvent[] => {
  if (!run.manifest) throw outOfOrder('the manifest is not staged yet');
  return run.manifest.published ? [] : [{ type: 'ManifestPublished', data }];
};

export const totalsOf = (parts: readonly Part[]): Totals => ({
  files: parts.length,
  rows: parts.reduce((sum, { rows }) => sum + rows, 0),
  bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
  contentBytes: parts.reduce((sum, { contentBytes }) => sum + contentBytes, 0),
});

const complete = ({ attempt, at }: CompleteRun, run: Run): readonly RunEvent[] => {
  const { files, watermark } = planOf(run);
  if (!allDelivered(run)) throw outOfOrder('not all rows are delivered');
  if (files.manifest && !run.manifest?.published) throw outOfOrder('the manifest is not published yet');
  const totals = totalsOf(run.parts);
  return [{ type: 'RunCompleted', data: { attempt, ...tallyOf(run), totals, watermark, finishedAt: at } }];
};

const untidy = ({ leftBehind }: Untidy): Untidy => (leftBehind === undefined ? {} : { leftBehind });

const cancel = ({ attempt, at, ...left }: CancelRun, run: Run): readonly RunEvent[] => {
  if (!run.cancellationRequested) throw outOfOrder('nobody asked to cancel it');
  if (run.manifest?.published) throw outOfOrder('its manifest is published, so it is complete');
  return [{ type: 'RunCancelled', data: { attempt, ...untidy(left), finishedAt: at } }];
};

const fail = ({ attempt, at, problem, ...left }: FailRun): readonly RunEvent[] => [
  { type: 'RunFailed', data: { attempt, problem, ...untidy(left), finishedAt: at } },
];

const step = (command: RunStep, run: Run): readonly RunEvent[] => {
  switch (command.type) {
    case 'PlanRun':
      return plan(command, run);
    case 'UseCredentials':
      return useCredentials(command, run);
    case 'StagePart':
      return stagePart(command, run);
    case 'PublishPart':
      return publishPart(command, run);
    case 'VerifyPart':
      return verifyPart(command, run);
    case 'SetPartAside':
      return setPartAside(command, run);
    case 'RecordNothing':
      return recordNothing(command, run);
    case 'StageManifest':
      return stageManifest(command, run);
    case 'PublishManifest':
      return publishManifest(command, run);
    case 'CompleteRun':
      return complete(command, run);
    case 'FailRun':
      return fail(command);
    case 'CancelRun':
      return cancel(command, run);
  }
};

export const decide = (command: RunCommand, state: RunState): readonly RunEvent[] => {
  switch (command.type) {
    case 'RequestRun':
      return request(command, state);
    case 'StartRun':
      return start(command, state);
    case 'RequestCancellation':
      return requestCancellation(command, state);
    case 'RetryRun':
      return retry(command, state);
    default:
      return step(command, ofAttempt(state, command.attempt));
  }
};
