import type { Scope } from './scope.js';

/**
 * What every command brings besides its own fields. Time and ids come in here, so that deciders stay pure.
 * `commandId` is the same on every retry of one command: event ids are derived from it, which makes appends idempotent.
 */
export interface CommandContext extends Scope {
  readonly commandId: string;
  readonly actor: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly correlationId: string;
  /** The message or command that led to this one. */
  readonly causationId?: string;
  /** The revision the caller saw (`If-Match`); a conflict is then theirs to solve and is never retried. */
  readonly expectedRevision?: number;
  /** W3C trace context of the caller. */
  readonly traceparent?: string;
}

/** What a caller learns from an accepted command. */
export interface CommandOutcome {
  readonly id: string;
  readonly revision: number;
  readonly position: string;
}
