import { WaybillError } from '@waybill/kernel';
import { type Database, databaseUnavailable } from '@waybill/postgres';
import pg from 'pg';

/** An upload holds its connection for as long as its sender takes, so uploads have their own beside the pool. */
const AT_ONCE = 8;
const open = new WeakMap<Database, number>();

/**
 * A connection of one upload, ended with it, whatever became of it: its temporary tables and an open transaction go along.
 * Throws `too-many-loads` (too-many) and `database-unavailable` (unavailable).
 */
export const withUploadConnection = async <T>(
  database: Database,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> => {
  const others = open.get(database) ?? 0;
  if (others >= AT_ONCE) {
    throw new WaybillError('too-many-loads', 'too-many', `${AT_ONCE} uploads are being loaded; try again shortly.`, {
      retryAfterSeconds: 5,
    });
  }
  open.set(database, others + 1);
  const client = new pg.Client(database.pool.options);
  client.on('error', () => undefined); // the query in hand fails, and tells
  try {
    await client.connect().catch((error: unknown) => {
      throw databaseUnavailable(error);
    });
    return await work(client);
  } finally {
    open.set(database, (open.get(database) ?? 1) - 1);
    await client.end().catch(() => undefined);
  }
};
