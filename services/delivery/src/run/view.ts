import type { ExportMode, Problem, RunCounts } from '@waybill/contracts';
import type { Run } from './state.js';
import { tallyOf } from './state.js';

/** A run as a caller sees it; its live progress is the worker's to add. */
export interface RunView {
  readonly id: string;
  readonly destinationId: string;
  readonly segmentId: string;
  readonly status: Run['status'];
  readonly mode: ExportMode;
  readonly counts: RunCounts;
  readonly skippedBecause: Readonly<Record<string, number>>;
  readonly files: readonly {
    readonly path: string;
    readonly rows: number;
    readonly bytes: number;
    readonly sha256: string;
    readonly contentSha256: string;
    readonly contentBytes: number;
    readonly keyFingerprint: string | null;
  }[];
  readonly manifest: { readonly path: string; readonly sha256: string } | null;
  readonly failure?: Problem;
  /** What a run that did not complete could not remove at the partner, and why. */
  readonly leftBehind?: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}

/** Only what has its final name is a file; what is staged is nobody's yet. */
export const viewOfRun = (run: Run): RunView => {
  const { runId: id, destinationId, segmentId, status, mode, parts, manifest, problem, startedAt, finishedAt } = run;
  const files = parts
    .filter(({ published }) => published !== null)
    .map(({ path, rows, bytes, sha256, contentSha256, contentBytes, keyFingerprint }) => ({
      path,
      rows,
      bytes,
      sha256,
      contentSha256,
      contentBytes,
      keyFingerprint,
    }));
  return {
    id,
    destinationId,
    segmentId,
    status,
    mode,
    ...tallyOf(run),
    files,
    manifest: manifest?.published ? { path: manifest.path, sha256: manifest.sha256 } : null,
    ...(problem && { failure: problem }),
    ...(run.leftBehind !== undefined && { leftBehind: run.leftBehind }),
    startedAt,
    finishedAt,
  };
};
