import { DEFAULT_MAPPING } from '@waybill/contracts';
import type { CredentialsInUse, PartContent, Plan, RunEvent, Staged, Tally } from '../index.js';

export const AT = '2026-11-22T06:30:00.000Z';
const sha = (digit: string): string => digit.repeat(64);

export const plan: Plan = {
  plannedAt: AT,
  destination: { id: 'd', name: 'Inbox', type: 'sftp' },
  accountId: 'a',
  segment: { id: 's', name: 'High value' },
  marketingActions: ['emailTargeting'],
  target: { folder: '/in' },
  mapping: DEFAULT_MAPPING,
  files: { format: 'csv', compression: 'gzip', manifest: true, maxRowsPerFile: 2 },
  watermark: '42',
  previous: { runId: 'r0', watermark: '7', manifest: { name: 'manifest-d-r0.json', sha256: sha('0') } },
  folder: '/in',
  fileName: 'Inbox_s',
  revision: 1,
  extension: '.csv.gz.pgp',
  members: 3,
};
export const credentials: CredentialsInUse = { secretRef: 'ref', credentialsFingerprint: 'c1', keyFingerprint: 'k1' };
export const tally = (written: number, skipped = 0): Tally => ({
  counts: { read: written + skipped, written, skipped, failed: 0, exited: 0 },
  skippedBecause: skipped > 0 ? { 'required:email': skipped } : {},
});
export const staged = (path: string): Staged => ({
  path,
  bytes: 100,
  sha256: sha('a'),
  handle: { temporary: `.${path}` },
});
export const content = (
  part: number,
  more: boolean,
  path = `/in/Inbox_s${part > 1 ? `_${part}` : ''}.csv.gz.pgp`,
): PartContent => ({
  ...staged(path),
  ...tally(2, part),
  rows: 2,
  contentSha256: sha('b'),
  contentBytes: 300,
  keyFingerprint: 'k1',
  more,
});

export const requested: RunEvent = {
  type: 'RunRequested',
  data: { runId: 'r', destinationId: 'd', segmentId: 's', mode: 'full', trigger: { kind: 'manual' }, requestedAt: AT },
};
export const started = (attempt = 1): RunEvent => ({
  type: 'RunStarted',
  data: { attempt, worker: 'w', startedAt: AT },
});
export const planned = (more: Partial<Plan> = {}): RunEvent => ({
  type: 'RunPlanned',
  data: { attempt: 1, plan: { ...plan, ...more }, credentials },
});
export const partStaged = (part: number, more = false, path?: string): RunEvent => ({
  type: 'PartStaged',
  data: { attempt: 1, part, ...content(part, more, path) },
});
export const partPublished = (part: number): RunEvent => ({
  type: 'PartPublished',
  data: { attempt: 1, part, outcome: 'published' },
});
export const partVerified = (part: number): RunEvent => ({
  type: 'PartVerified',
  data: { attempt: 1, part, verification: 'checksum' },
});
export const partDone = (part: number, more = false): readonly RunEvent[] => [
  partStaged(part, more),
  partPublished(part),
  partVerified(part),
];
export const manifestStaged: RunEvent = {
  type: 'ManifestStaged',
  data: { attempt: 1, ...staged('/in/manifest-d-r.json') },
};
export const manifestPublished: RunEvent = { type: 'ManifestPublished', data: { attempt: 1, outcome: 'published' } };
export const problem = {
  slug: 'partner-storage-full',
  kind: 'refused',
  detail: 'The partner has no space left.',
} as const;
export const failed: RunEvent = { type: 'RunFailed', data: { attempt: 1, problem, finishedAt: AT } };
export const cancellationRequested: RunEvent = { type: 'RunCancellationRequested', data: { reason: 'asked for' } };
export const cancelled: RunEvent = { type: 'RunCancelled', data: { attempt: 1, finishedAt: AT } };
export const retried: RunEvent = { type: 'RunRetried', data: { retriedAt: AT } };
export const nothing: RunEvent = { type: 'NothingToDeliver', data: { attempt: 1, ...tally(0, 4) } };
/** Everything up to the plan. */
export const begun: readonly RunEvent[] = [requested, started(), planned()];
