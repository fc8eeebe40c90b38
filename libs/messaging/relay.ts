import type { EventStore, Position } from '@waybill/event-store';
import { messageOf, newId, type RecordedEvent } from '@waybill/kernel';
import {
  acquireLease,
  backoff,
  createBell,
  type Database,
  holdsLease,
  keepLease,
  type Lease,
  leaseMigrations,
  migrate,
  type Migration,
  pause,
  releaseLease,
} from '@waybill/postgres';
import type { MessageBus, OutgoingMessage } from './port.js';

export interface RelayOptions {
  readonly store: EventStore;
  /** The service's own schema: checkpoint and lease live there. */
  readonly database: Database;
  readonly bus: MessageBus;
  /** For ever: checkpoint and lease go by it. */
  readonly name: string;
  /** Which events leave the service, and as what: an allow-list; no message for all others. */
  readonly translate: (event: RecordedEvent) => readonly OutgoingMessage[] | Promise<readonly OutgoingMessage[]>;
  /** Read events of these categories only. Default: all. */
  readonly categories?: readonly string[];
  readonly leaseSeconds?: number;
  /** How often the log is asked though no append was announced. Default 1 s. */
  readonly pollMs?: number;
  /** Called when the state changes, for logs. */
  readonly onChange?: (status: RelayStatus) => void;
}

export interface RelayStatus {
  /** `standby`: another process relays. `blocked`: the last try failed and is repeated; nothing is skipped. */
  readonly state: 'starting' | 'standby' | 'running' | 'blocked' | 'stopped';
  /** Everything up to here is published. */
  readonly position: Position | undefined;
  /** Age of the oldest event that was read and is not published; 0 when all is. */
  readonly lagSeconds: number;
  /** Tries in a row that failed. */
  readonly failures: number;
  readonly lastError: string | undefined;
}

export interface Relay {
  status(): RelayStatus;
  /** Lets the publication in hand end, then gives the lease up. */
  stop(): Promise<void>;
}

const relayMigrations: readonly Migration[] = [
  {
    name: '001-checkpoints',
    sql: `create table relay_checkpoints (name text primary key, position text not null, moved_at timestamptz not null default now())`,
  },
];

const BATCH = 200;
const FIRST_RETRY_MS = 200;
/** What waits for a message is not to wait much longer than an outage lasted. */
const LONGEST_RETRY_MS = 5_000;

/**
 * The event log is the outbox: reads it from a checkpoint, publishes what leaves the service, and moves the checkpoint after
 * the acknowledgement. A crash between the two publishes again; nothing is skipped, and the order of the log is kept.
 * Of the processes of one service, the holder of a lease does it.
 */
export const openRelay = async (options: RelayOptions): Promise<Relay> => {
  const { store, database, bus, name, translate, categories, leaseSeconds = 10, pollMs = 1_000 } = options;
  const { onChange = () => undefined } = options;
  await migrate(database, 'leases', leaseMigrations);
  await migrate(database, 'relay', relayMigrations);
  const owner = newId();
  const over = new AbortController();
  const bell = createBell();
  let state: RelayStatus['state'] = 'starting';
  let position: Position | undefined;
  let oldestUnpublished: string | undefined;
  let failures = 0;
  let lastError: string | undefined;

  const status = (): RelayStatus => ({
    state,
    position,
    lagSeconds: oldestUnpublished === undefined ? 0 : Math.max(0, (Date.now() - Date.parse(oldestUnpublished)) / 1000),
    failures,
    lastError,
  });

  const enter = (next: RelayStatus['state']): void => {
    if (state === next) return;
    state = next;
    onChange(status());
  };

  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const lease = await acquireLease(database, `relay ${name}`, owner, leaseSeconds);
        if (lease !== undefined) {
          await lead(lease);
        } else {
          position = undefined;
          oldestUnpublished = undefined; // whoever has it answers for it
          enter('standby');
          await bell.wait((leaseSeconds * 1000) / 3);
        }
      } catch (error) {
        failures += 1;
        lastError = messageOf(error);
        enter('blocked');
        await pause(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), over.signal);
      }
    }
  };

  /** Relays until the lease is lost, the process stops, or something fails. */
  const lead = async (lease: Lease): Promise<void> => {
    try {
      using kept = keepLease(database, lease, leaseSeconds); // without it, the checkpoint does not move
      let after = (await loadCheckpoint(database, name)) ?? store.start;
      position = after;
      while (!kept.lost.aborted && !over.signal.aborted) {
        const slice = await store.readAll(after, { ...(categories && { categories }), max: BATCH });
        oldestUnpublished = slice.events[0]?.recordedAt;
        const messages = (await Promise.all(slice.events.map(async (event) => translate(event)))).flat();
        if (messages.length > 0) await bus.publish(messages);
        if (slice.position !== after && !(await saveCheckpoint(database, name, slice.position, lease))) return;
        position = after = slice.position;
        oldestUnpublished = slice.atEnd ? undefined : slice.events.at(-1)?.recordedAt;
        failures = 0;
        lastError = undefined;
        enter('running');
        if (slice.atEnd) await bell.wait(pollMs);
      }
    } finally {
      if (over.signal.aborted) await releaseLease(database, lease).catch(() => undefined); // else it runs out
    }
  };

  const unhear = store.onAppended(bell.ring);
  const running = run();

  return {
    status,
    async stop() {
      over.abort();
      bell.ring();
      await running;
      unhear();
      enter('stopped');
    },
  };
};

const loadCheckpoint = async (database: Database, name: string): Promise<Position | undefined> => {
  const { rows } = await database.pool.query<{ position: Position }>(
    'select position from relay_checkpoints where name = $1',
    [name],
  );
  return rows[0]?.position;
};

/** False when another process holds the lease. */
const saveCheckpoint = (database: Database, name: string, position: Position, lease: Lease): Promise<boolean> =>
  database.transaction(async (client) => {
    if (!(await holdsLease(client, lease))) return false;
    await client.query(
      `insert into relay_checkpoints (name, position) values ($1, $2)
       on conflict (name) do update set position = excluded.position, moved_at = now()`,
      [name, position],
    );
    return true;
  });
