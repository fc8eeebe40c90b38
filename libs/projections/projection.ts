import type { Upcasters } from '@waybill/event-store';
import type { RecordedEvent } from '@waybill/kernel';
import type pg from 'pg';

/** The connection of a transaction. */
export type ProjectionClient = Pick<pg.ClientBase, 'query'>;

/** A read model: tables of its own, made from the events of some categories and from nothing else. */
export interface Projection {
  /** Unique in its service; lower case, digits and `_`. */
  readonly name: string;
  /** Raised with every change of the tables or of what `handle` writes: the new one is then built beside the old. Default 1. */
  readonly version?: number;
  readonly categories: readonly string[];
  readonly upcasters?: Upcasters;
  /**
   * SQL that makes its tables and indexes, by plain names. They live in a schema of this version's own; readers see each
   * table as a view of the same name in the service's schema.
   */
  readonly tables: string;
  /**
   * Writes what follows from the events, in their order, by the same plain names. The transaction also moves the
   * checkpoint, so each event has its effect once; no other connection may be used.
   */
  handle(client: ProjectionClient, events: readonly RecordedEvent[]): Promise<void>;
}

export interface ProjectionStatus {
  readonly name: string;
  readonly version: number;
  /** `superseded`: a newer version of it is live, so this process leaves it alone. */
  readonly state: 'live' | 'rebuilding' | 'superseded';
  /** Whether it is this process that runs it. */
  readonly active: boolean;
  readonly position: string;
  /** Age of the oldest event it has not passed, 0 when it has passed all. */
  readonly lagSeconds: number;
  /** Distance of its position from the head of the log: events, where the log counts events. */
  readonly lagPositions: number;
  /** Why it stands still, while it does; it goes on trying. */
  readonly error?: string;
}
