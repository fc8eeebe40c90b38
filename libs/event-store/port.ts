import type { CommandContext, DomainEvent, EventMetadata, RecordedEvent } from '@waybill/kernel';

/** Opaque and ordered within one log: `compare` of the store orders two of them. */
export type Position = string;

/** What the writer knows of the stream: its last revision, that it does not exist, or nothing. */
export type ExpectedRevision = number | 'no-stream' | 'any';

export interface NewEvent {
  /** Derived from stream, command and index (`idFrom`), so that a retry carries the same ids. */
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: EventMetadata;
}

/** `duplicate`: these very events were appended before; revision and position are those of the first time. */
export interface Appended {
  readonly outcome: 'appended' | 'duplicate';
  /** Of the last event of the append. */
  readonly revision: number;
  readonly position: Position;
}

export interface StreamSlice {
  readonly events: readonly RecordedEvent[];
  /** Last revision of the stream, -1 when it has none. */
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
 * Errors (WaybillError slugs): `revision-conflict` (kind conflict), `event-id-conflict` (conflict: an id is taken by
 * another event), `stream-deleted` (conflict), `event-too-large` (too-large, over 64 KiB of JSON),
 * `outcome-unknown` (unavailable: retry with the same ids), `event-store-unavailable` (unavailable).
 */
export interface EventStore {
  append(stream: string, events: readonly NewEvent[], options: { readonly expected: ExpectedRevision }): Promise<Appended>;
  readStream(stream: string, options?: ReadStreamOptions): Promise<StreamSlice>;
  /** Events after a position (exclusive; `start` for the beginning), in commit order. */
  readAll(after: Position, options?: ReadAllOptions): Promise<LogSlice>;
  /** The position of the newest event, or `start`. */
  head(): Promise<Position>;
  readonly start: Position;
  /** Negative, zero or positive, as for sorting. Throws `position-malformed` (kind malformed) for what is no position. */
  compare(a: Position, b: Position): number;
  /** Deletes softly: reads find nothing, a writer gets `stream-deleted`, `readAll` still shows the events. */
  deleteStream(stream: string, options: { readonly expected: ExpectedRevision }): Promise<void>;
  /** Calls back when something may have been appended. A hint: it may be late, doubled or lost; polling is the truth. */
  onAppended(listener: () => void): () => void;
  close(): Promise<void>;
}

export const MAX_EVENT_BYTES = 64 * 1024;

/** The events of one decision, with the ids and metadata that make a retried append the same append. */
export type ToNewEvents = (stream: string, events: readonly DomainEvent[], context: CommandContext) => readonly NewEvent[];
