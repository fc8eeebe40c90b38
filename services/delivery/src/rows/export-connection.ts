import { AUDIENCE_EXPORT_ROLE } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import { type Database, databaseUnavailable, isTransient } from '@waybill/postgres';
import pg from 'pg';

/**
 * Rows are read in the order of an index, as they come, and with the memory of one sort at most, whatever their number.
 * Compiling a query pays for queries that reckon; these copy.
 */
const SETTINGS = `
  set local time zone 'UTC';
  set local datestyle = 'ISO';
  set local work_mem = '64MB';
  set local random_page_cost = 1.1;
  set local jit = off;
  set local max_parallel_workers_per_gather = 0;`;

/**
 * A backend that sorts for minutes finds out that we are gone, where its system can look; else it would when it has a row to
 * send. And where there is the role for it, no other right than to read what is exported.
 */
const GUARDS = `
  do $$ begin set local client_connection_check_interval = '2s'; exception when others then null; end $$;
  do $$ begin
    if exists (select from pg_roles where rolname = '${AUDIENCE_EXPORT_ROLE}' and pg_has_role(current_user, oid, 'member')) then
      set local role ${AUDIENCE_EXPORT_ROLE};
    end if;
  end $$;`;

/** A snapshot of the database that others may read in while the transaction that made it is open. */
export type SnapshotId = string;

/** Of the transaction of this connection. */
export const exportSnapshot = async (client: pg.PoolClient): Promise<SnapshotId> => {
  const { rows } = await client.query<{ id: string }>('select pg_export_snapshot() as id');
  return rows[0]?.id ?? '';
};

/**
 * A connection with one snapshot of what audience exports, its own or one that another has exported, and with no other right
 * where the role for it could be made. It goes back to the pool when `work` has read to the end, and is ended when it stopped
 * before or failed. Error (WaybillError slug): `snapshot-gone` (unavailable).
 */
export const withExportConnection = async <T>(
  database: Database,
  signal: AbortSignal,
  work: (client: pg.PoolClient) => Promise<{ readonly result: T; readonly readToTheEnd: boolean }>,
  snapshot: SnapshotId | null = null,
): Promise<T> => {
  signal.throwIfAborted();
  const client = await database.pool.connect();
  let ended = false;
  const end = (): void => {
    if (!ended) client.release(true);
    ended = true;
  };
  signal.addEventListener('abort', end, { once: true });
  try {
    const begin = `begin isolation level repeatable read read only; ${SETTINGS}`;
    if (snapshot === null) {
      // One question: a stream that is read often pays for each.
      await client.query(`${begin} ${GUARDS}`);
    } else {
      await client.query(begin);
      await takeSnapshot(client, snapshot); // before anything is read
      await client.query(GUARDS);
    }
    const { result, readToTheEnd } = await work(client);
    if (readToTheEnd) {
      await client.query('commit');
      if (!ended) client.release();
      ended = true;
    }
    return result;
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', end);
    end();
  }
};

const takeSnapshot = async (client: pg.PoolClient, snapshot: SnapshotId): Promise<void> => {
  await client.query(`set transaction snapshot ${pg.escapeLiteral(snapshot)}`).catch((cause: unknown) => {
    if (isTransient(cause)) throw databaseUnavailable(cause);
    throw new WaybillError(
      'snapshot-gone',
      'unavailable',
      'The rows of the run are no longer held as they were when it began: its process lost the database. They are read anew.',
      { cause },
    );
  });
};
