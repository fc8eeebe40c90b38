/** What a writer brings. */
export interface ProposedEvent {
  readonly id: string;
  readonly type: string;
  /** `application/json` or `application/octet-stream`. */
  readonly contentType: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
}

export interface StoredEvent extends ProposedEvent {
  readonly stream: string;
  readonly revision: bigint;
  /** Of commit and of prepare, which are equal. */
  readonly position: bigint;
  /** When it was stored, in .NET ticks (100 ns) since 1970. */
  readonly created: bigint;
}

export interface StoredStream {
  /** All there ever were: its index is an event's revision. */
  readonly events: StoredEvent[];
  /** The last event of a stream that is gone for ever. */
  tombstone?: StoredEvent;
}
