import { type Database, migrate, type Migration, pause } from '@waybill/postgres';
import type pg from 'pg';

const inboxMigrations: readonly Migration[] = [
  {
    name: '001-inbox',
    sql: `
      create table inbox (
        consumer text not null, message_id text not null, received_at timestamptz not null default now(),
        primary key (consumer, message_id));
      create index inbox_by_age on inbox (received_at);`,
  },
];

/** Remembers which messages a consumer has handled, so that a second delivery has no second effect. */
export interface Inbox {
  /**
   * True the first time. In the caller's transaction, together with the effect: both stand or neither. A second delivery at
   * the same moment waits for the first one's transaction.
   */
  once(client: pg.ClientBase, consumer: string, messageId: string): Promise<boolean>;
  close(): Promise<void>;
}

const SWEEP_EVERY_MS = 3_600_000;

/** `keepDays` must be more than any topic keeps its messages. */
export const openInbox = async (database: Database, { keepDays = 60 } = {}): Promise<Inbox> => {
  await migrate(database, 'inbox', inboxMigrations);
  const closing = new AbortController();
  const sweeping = sweepHourly(database, keepDays, closing.signal);
  return {
    once,
    async close() {
      closing.abort();
      await sweeping;
    },
  };
};

const once: Inbox['once'] = async (client, consumer, messageId) => {
  const { rowCount } = await client.query(
    'insert into inbox (consumer, message_id) values ($1, $2) on conflict do nothing',
    [consumer, messageId],
  );
  return rowCount === 1;
};

/** What a failed sweep leaves, the next one takes. */
const sweepHourly = async (database: Database, keepDays: number, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    await sweepInbox(database, keepDays).catch(() => undefined);
    await pause(SWEEP_EVERY_MS, signal);
  }
};

export const sweepInbox = async (database: Database, keepDays: number): Promise<number> => {
  const { rowCount } = await database.pool.query(
    'delete from inbox where received_at < now() - make_interval(days => $1)',
    [keepDays],
  );
  return rowCount ?? 0;
};
