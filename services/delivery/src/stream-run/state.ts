import type { RunCounts } from '@waybill/contracts';
import type { StreamRunEvent } from './events.js';

export interface StreamRun {
  /** Tells it from a run of files, in the same list. */
  readonly kind: 'stream';
  readonly status: 'running' | 'completed';
  readonly runId: string;
  readonly destinationId: string;
  readonly destinationName: string;
  /** All that were activated at some time of the hour. */
  readonly segmentIds: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly counts: RunCounts;
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

export type StreamRunState = { readonly status: 'none' } | StreamRun;

export const initialState: StreamRunState = { status: 'none' };

const NOTHING: RunCounts = { read: 0, written: 0, skipped: 0, failed: 0, exited: 0 };

export const evolve = (state: StreamRunState, event: StreamRunEvent): StreamRunState => {
  if (event.type === 'StreamRunStarted') {
    return { kind: 'stream', status: 'running', ...event.data, counts: NOTHING, finishedAt: null };
  }
  if (state.status === 'none') return state;
  return event.type === 'StreamRunProgressed'
    ? { ...state, ...event.data }
    : { ...state, status: 'completed', ...event.data };
};
