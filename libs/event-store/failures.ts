// What every engine says when it cannot do what was asked.
import { WaybillError } from '@waybill/kernel';

const RETRY = { retryAfterSeconds: 1 };

/** Nothing was sent, or the engine answered that it did nothing. */
export const storeUnavailable = (
  cause: unknown,
  detail = 'The event log does not answer; try again shortly.',
): WaybillError => new WaybillError('event-store-unavailable', 'unavailable', detail, { ...RETRY, cause });

export const outcomeUnknown = (cause: unknown): WaybillError =>
  new WaybillError(
    'outcome-unknown',
    'unavailable',
    'The event log did not say whether it took the events; repeat the same command.',
    { ...RETRY, cause },
  );

/** `revision`: where the stream is; -1 when it does not exist. */
export const revisionConflict = (stream: string, revision: number): WaybillError =>
  new WaybillError(
    'revision-conflict',
    'conflict',
    revision === -1
      ? `The stream ${stream} does not exist.`
      : `The stream ${stream} is at revision ${revision}, which is not the one expected; read it again.`,
  );

export const streamDeleted = (stream: string): WaybillError =>
  new WaybillError('stream-deleted', 'conflict', `The stream ${stream} is deleted; it takes no more events.`);
