import { AUDIENCE_EXPORT_ROLE } from '@waybill/contracts';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';

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
 * A connection with one snapshot of what audience exports, and with no other right where the role for it could be made. It
 * goes back to the pool when `work` has read to the end, and is ended when it stopped before or failed.
 */
export const withExportConnection = async <T>(
  database: Database,
  signal: AbortSignal,
  work: (client: pg.PoolClient) => Promise<{ readonly result: T; readonly readToTheEnd: boolean }>,
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
    await client.query(`begin isolation level repeatable read read only; ${SETTINGS}`);
    await noticeWhenWeAreGone(client);
    await takeRole(client);
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

const takeRole = async (client: pg.PoolClient): Promise<void> => {
  const { rowCount } = await client.query(
    `select 1 from pg_roles where rolname = $1 and pg_has_role(current_user, oid, 'member')`,
    [AUDIENCE_EXPORT_ROLE],
  );
  if (rowCount === 1) await client.query(`set local role ${AUDIENCE_EXPORT_ROLE}`);
};

/** A backend that sorts for minutes would else find out only when it has a row to send. Not every system can look. */
const noticeWhenWeAreGone = async (client: pg.PoolClient): Promise<void> => {
  await client.query(
    `do $$ begin set local client_connection_check_interval = '2s'; exception when others then null; end $$`,
  );
};
