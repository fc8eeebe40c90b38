import { errorOf, type RunCounts } from '@waybill/contracts';
import { problemOf } from '@waybill/service-kit';
import { type Run, viewOfRun } from '../run/index.js';
import type { StreamProgress } from '../record-stream-runs/stream-standings.js';
import type { SenderState } from '../send-events/sender-state.js';
import type { StreamRun } from '../stream-run/index.js';
import type { RunView } from '../view/run.view.js';

/** A run in an answer: why it failed is told as any other problem is. */
export const bodyOfRun = (run: Run): RunView => {
  const { failure, ...view } = viewOfRun(run);
  return { ...view, ...(failure && { failure: problemOf(errorOf(failure), `/v1/runs/${run.runId}`) }) };
};

/** How a run of a stream goes that is not complete: what was counted so far, and how the sending does. */
export interface StreamRunNow {
  readonly counts: RunCounts | undefined;
  readonly state: SenderState | undefined;
  readonly progress: StreamProgress | undefined;
}

/** In the shape of a run of files, so that lists show both alike; it has no single segment, no files and no end to reach. */
export const bodyOfStreamRun = (run: StreamRun, { counts = run.counts, state, progress }: StreamRunNow): RunView => ({
  id: run.runId,
  destinationId: run.destinationId,
  segmentId: null,
  segmentIds: run.segmentIds,
  status: run.status,
  mode: 'stream' as const,
  counts,
  files: [],
  manifest: null,
  window: { from: run.from, to: run.to },
  ...(run.status === 'running' && state && { stream: { ...state, ...progress } }),
  startedAt: run.startedAt,
  finishedAt: run.finishedAt,
  progress: { rows: counts.written, totalRows: counts.read, bytes: 0 },
});
