import {
  type AnswerOf,
  checkFileNameLength,
  type DescribeAccount,
  type DescribeDelivery,
  type DescribeSegments,
  extensionOf,
  fileNameOf,
} from '@waybill/contracts';
import { type Scope, WaybillError } from '@waybill/kernel';
import type { CredentialsInUse, Plan } from './events.js';
import type { Run } from './state.js';

type DestinationFacts = AnswerOf<typeof DescribeDelivery>;
type AccountFacts = AnswerOf<typeof DescribeAccount>;
type SegmentFacts = AnswerOf<typeof DescribeSegments>['segments'][number];

/** What the other services and delivery's own read models say when a run is planned. */
export interface PlanningFacts {
  readonly run: Run;
  readonly scope: Scope;
  readonly destination: DestinationFacts;
  readonly account: AccountFacts;
  readonly segment: SegmentFacts;
  /** Asked for before anything is read. */
  readonly watermark: string;
  readonly previous: Plan['previous'];
  /** Of the segment's files in the destination's target. */
  readonly folderOf: (segment: { readonly id: string; readonly name: string }) => string;
  /** How many earlier runs of the destination have files of this folder and name. */
  readonly runsNamed: (folder: string, fileName: string) => number;
  readonly at: string;
}

export const credentialsInUse = (account: AccountFacts): CredentialsInUse => {
  if (account.status !== 'connected' && account.status !== 'disconnecting') {
    throw new WaybillError(
      'account-unusable',
      'conflict',
      `The account "${account.name}" is ${account.status}, so nothing can be delivered with it.`,
    );
  }
  const { secretRef, credentialsFingerprint, encryptionKey } = account;
  return { secretRef, credentialsFingerprint, keyFingerprint: encryptionKey?.fingerprint ?? null };
};

/** What the run was for is gone: that ends it as cancelled, not as failed. */
export const RUN_SUPERSEDED = 'run-superseded';

const superseded = (why: string): WaybillError =>
  new WaybillError(RUN_SUPERSEDED, 'conflict', `There is nothing to export any more: ${why}.`);

const activationOf = ({ status, name, activations }: DestinationFacts, segmentId: string) => {
  if (status !== 'enabled') throw superseded(`the destination "${name}" is ${status}`);
  const activation = activations.find((active) => active.segmentId === segmentId);
  if (activation) return activation;
  throw superseded(`the segment "${segmentId}" is not activated for the destination "${name}"`);
};

/**
 * Everything that an export settles before it reads a row. Throws `run-superseded` (conflict) when destination, segment or
 * activation are gone; `account-unusable` (conflict), `destination-delivers-events` and `file-name-too-long` (refused) fail
 * the run.
 */
export const planRun = (facts: PlanningFacts): { readonly plan: Plan; readonly credentials: CredentialsInUse } => {
  const { run, scope, destination, account, segment, watermark, previous, at } = facts;
  const { destinationId: id, name, type, accountId, marketingActions, target, mapping, files } = destination;
  const activation = activationOf(destination, segment.segmentId);
  const credentials = credentialsInUse(account);
  if (segment.name === null) throw superseded(`the segment "${segment.segmentId}" does not exist`);
  if (files === null) {
    throw new WaybillError(
      'destination-delivers-events',
      'refused',
      `The destination "${name}" delivers events as they happen; there is no file to export.`,
    );
  }
  const named = { id: segment.segmentId, name: segment.name };
  const folder = facts.folderOf(named);
  const time = run.trigger.kind === 'schedule' ? run.trigger.slot : run.requestedAt;
  const fileName = fileNameOf(activation.fileName, { scope, destination: { id, name, type }, segment: named })(time);
  const extension = extensionOf(files, credentials.keyFingerprint !== null);
  checkFileNameLength(fileName, extension);
  const plan: Plan = {
    plannedAt: at,
    destination: { id, name, type },
    accountId,
    segment: named,
    marketingActions,
    target,
    mapping,
    files,
    watermark,
    previous,
    folder,
    fileName,
    revision: 1 + facts.runsNamed(folder, fileName),
    extension,
    members: segment.members,
  };
  return { plan, credentials };
};
