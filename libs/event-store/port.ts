import type { EventMetadata, RecordedEvent } from '@waybill/kernel';

/** A decimal number as text, ordered within one log (`compare`) and otherwise opaque: it need not count events. */
export type Position = string;

/** What the writer knows of the stream: its last revision, or that it does not exist. */
export type ExpectedRevision = number | 'no-stream';

export interface NewEvent {
  /** A UUID, derived from stream, command and index (`idFrom`), so that a retry carries the same ids. */
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: EventMetadata;
}

export interface Appended {
  /** Of the last event of the append. */
  readonly revision: number;
  readonly position: Position;
}

export interface StreamSlice {
  readonly events: readonly RecordedEvent[];
  /** Last revision of the stream, -1 when it has none, or somebody deleted it. */
  readonly lastRevision: number;
}

export interface LogSlice {
  readonly events: readonly RecordedEvent[];
  /** Where to read on from; moves past events that no category matched. */
  readonly position: Position;
  /** True when everything that was in the log at the time of the call has been passed. */
  readonly atEnd: boolean;
}

export interface ReadStreamOptions {
  /** First revision to read (forwards: default 0; backwards: default the last). */
  readonly from?: number;
  /** Default 500: a reader of all compares `lastRevision`, or lets `readEvents` turn the pages. */
  readonly max?: number;
  readonly direction?: 'forwards' | 'backwards';
}

export interface ReadAllOptions {
  /** Categories to answer; all of them when left out. */
  readonly categories?: readonly string[];
  /** Default 500. */
  readonly max?: number;
}

/**
 * An append-only log of streams. Reading is pull, so that back-pressure, tests and shutdown are the same on every engine.
 * Every call has a deadline on the client's side.
 *
 * Errors (WaybillError slugs): `revision-conflict` (kind conflict), `stream-deleted` (conflict: for ever, by somebody with
 * access to the engine), `event-too-large` (too-large: over 64 KiB of JSON in one event's data, or 1 MB in one append), `event-malformed` (malformed: an id, a type or a stream name that no engine takes, or no events),
 * `outcome-unknown` (unavailable: retry with the same ids), `event-store-unavailable` (unavailable: nothing happened).
 */
export interface EventStore {
  /**
   * All or nothing. Events that were appended before by the same call (same ids, same order, same expectation) succeed
   * again with the first answer, whatever was appended since. At another revision they are other events.
   */
  append(
    stream: string,
    events: readonly NewEvent[],
    options: { readonly expected: ExpectedRevision },
  ): Promise<Appended>;
  readStream(stream: string, options?: ReadStreamOptions): Promise<StreamSlice>;
  /** Events after a position (exclusive; `start` for the beginning), in commit order. */
  readAll(after: Position, options?: ReadAllOptions): Promise<LogSlice>;
  /** The position of the newest event, or `start`. */
  head(): Promise<Position>;
  readonly start: Position;
  /** Negative, zero or positive, as for sorting. Throws `position-malformed` (kind malformed) for what is no position. */
  compare(a: Position, b: Position): number;
  /** Calls back when something may have been appended. A hint: it may be late, doubled or lost; polling is the truth. */
  onAppended(listener: () => void): () => void;
  /** Lets appends in hand end. The database or client it was opened on stays open. */
  close(): Promise<void>;
}

/** Of one event's data, as JSON. */
export const MAX_EVENT_BYTES = 64 * 1024;

/** Of all data and metadata of one append, as JSON: what every engine takes in one go. */
export const MAX_APPEND_BYTES = 1_000_000;
