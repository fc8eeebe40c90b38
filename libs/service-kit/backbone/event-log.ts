import type { EventStore } from '@waybill/event-store';
import { openEventStoreDb } from '@waybill/event-store/eventstoredb';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { WaybillError } from '@waybill/kernel';
import { type Database, migrate, type Migration, type Wakeups } from '@waybill/postgres';
import type { Configuration } from '../config/configuration.js';
import { observeEventStore } from '../operation/event-store-metrics.js';

/** Of one service. */
export interface EventLogOptions {
  readonly configuration: Configuration;
  readonly wakeups: Wakeups;
  /** The service's own: its log, where that is in PostgreSQL, and whatever was read from its log. */
  readonly database: Database;
  /** Of its streams: what is its log, where services share one EventStoreDB. */
  readonly categories: readonly string[];
}

export interface EventLog {
  readonly store: EventStore;
  /** Rejects while the log cannot be used; undefined where its database answers for it. */
  readonly checkHealth: (() => Promise<void>) | undefined;
}

/**
 * The log of a service: tables in its database, or its categories in EventStoreDB.
 * Errors (WaybillError slugs), beside those of the engine: `event-log-differs`, `event-log-behind` (internal).
 */
export const openEventLog = async (options: EventLogOptions, opened: AsyncDisposableStack): Promise<EventLog> => {
  const { configuration, database, wakeups, categories } = options;
  const { eventStore } = configuration;
  await migrate(database, 'event log', originMigrations);
  await refuseAnotherEngine(database, eventStore.engine);
  if (eventStore.engine === 'postgres') {
    const store = await openPostgresEventStore({ database, wakeups });
    opened.defer(() => store.close());
    await noteEngine(database, eventStore.engine);
    return { store, checkHealth: undefined };
  }
  const store = await openEventStoreDb({
    ...{ url: eventStore.url, categories },
    observe: observeEventStore(database.schema),
  });
  opened.defer(() => store.close());
  await refuseAnotherLog(database, store);
  await noteEngine(database, eventStore.engine);
  return { store, checkHealth: () => store.checkHealth() };
};

/** Positions of one kind of log mean nothing in the other: read models and relay would go on at a wrong place, silently. */
const originMigrations: readonly Migration[] = [
  {
    name: '001-event-log',
    sql: `create table event_log (only_row boolean primary key default true check (only_row), engine text not null);
          insert into event_log (engine) select 'postgres' where to_regclass('events') is not null`,
  },
];

/** Once it is open: an engine that was never reached holds no events. */
const noteEngine = async (database: Database, engine: string): Promise<void> => {
  await database.pool.query('insert into event_log (engine) values ($1) on conflict do nothing', [engine]);
  await refuseAnotherEngine(database, engine); // another process may have been faster
};

const refuseAnotherEngine = async (database: Database, engine: string): Promise<void> => {
  const { rows } = await database.pool.query<{ engine: string }>('select engine from event_log');
  const before = rows[0]?.engine ?? engine;
  if (before === engine) return;
  throw new WaybillError(
    'event-log-differs',
    'internal',
    `The events of ${database.schema} are in ${NAMES[before] ?? before} (schema ${database.schema} of the database says so), and WAYBILL_EVENT_STORE or WAYBILL_EVENTSTOREDB_URL chooses ${NAMES[engine]}. Choose the same again, or start on a database of its own.`,
  );
};

const NAMES: Readonly<Record<string, string>> = { postgres: 'PostgreSQL', eventstoredb: 'EventStoreDB' };

/** What was read from a log is never ahead of it, unless it is another one, or an older copy. */
const refuseAnotherLog = async (database: Database, store: EventStore): Promise<void> => {
  const head = await store.head();
  for (const table of ['projection_generations', 'relay_checkpoints']) {
    const { rows: found } = await database.pool.query<{ there: boolean }>(
      'select to_regclass($1) is not null as there',
      [table],
    );
    if (!found[0]?.there) continue;
    const { rows } = await database.pool.query<{ position: string }>(`select position from ${table}`);
    const ahead = rows.find(({ position }) => store.compare(position, head) > 0);
    if (ahead === undefined) continue;
    throw new WaybillError(
      'event-log-behind',
      'internal',
      `EventStoreDB ends at position ${head}, and ${database.schema} has read its events up to ${ahead.position}: it is another EventStoreDB, or an older copy of it. Name the right one in WAYBILL_EVENTSTOREDB_URL, or restore the database and EventStoreDB from backups of the same time (EventStoreDB's the later one).`,
    );
  }
};
