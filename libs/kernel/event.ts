import type { Scope } from './scope.js';

/** A fact, in past tense. `type` is a constant such as `AccountConnected` (a later shape: `AccountConnected.v2`), never a class name. */
export interface DomainEvent<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
}

/** Beside the data of every event. Never personal data, never a secret. */
export interface EventMetadata extends Scope {
  readonly actor: string;
  readonly correlationId: string;
  /** The command (or message) this event follows from. */
  readonly causationId: string;
  /** RFC 3339, UTC: the time of the command. */
  readonly occurredAt: string;
  readonly traceparent?: string;
}

/** An event as the log keeps it. */
export interface RecordedEvent<Event extends DomainEvent = DomainEvent> {
  readonly id: string;
  /** `<category>-<uuid>`. */
  readonly stream: string;
  /** From 0, counted per stream. */
  readonly revision: number;
  /** Opaque, ordered within one log. */
  readonly position: string;
  readonly type: Event['type'];
  readonly data: Event['data'];
  readonly metadata: EventMetadata;
  /** RFC 3339, UTC: when the log took it. */
  readonly recordedAt: string;
}
