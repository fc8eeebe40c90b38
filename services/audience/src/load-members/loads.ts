import { type CommandContext, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';
import type { LoadMode, LoadRequest, LoadResult } from './load.js';

/** A load whose rows are in, and whose event may not be in the log yet. */
export interface LoadToRecord {
  readonly context: CommandContext;
  readonly segmentId: string;
  readonly mode: LoadMode;
  readonly result: LoadResult;
}

/**
 * What the same command did before; undefined for a new one. Throws `idempotency-key-reused` (refused) when it was another
 * upload. To be asked after the change was drawn: two of one command then follow each other.
 */
export const earlierLoad = async (
  client: pg.ClientBase,
  { context, segmentId, mode }: LoadRequest,
  sha256: string,
): Promise<LoadResult | undefined> => {
  const { rows } = await client.query<{ segment_id: string; mode: LoadMode; result: LoadResult }>(
    'select segment_id, mode, result from loads where load_id = $1',
    [context.commandId],
  );
  const known = rows[0];
  if (!known) return undefined;
  if (known.segment_id === segmentId && known.mode === mode && known.result.sha256 === sha256) return known.result;
  throw new WaybillError(
    'idempotency-key-reused',
    'refused',
    'This Idempotency-Key was used for another upload. Take a new key for a new upload. Nothing was changed.',
  );
};

/** In the transaction that brings the rows: there is no load without the note of it. */
export const noteLoad = async (
  client: pg.ClientBase,
  { context, segmentId, mode }: LoadRequest,
  result: LoadResult,
): Promise<void> => {
  await client.query(
    `insert into loads (load_id, tenant, sandbox, segment_id, mode, result, context, loaded_at)
     values ($1, $2, $3, $4, $5, $6, $7, now())`,
    [
      context.commandId,
      context.tenant,
      context.sandbox,
      segmentId,
      mode,
      JSON.stringify(result),
      JSON.stringify(context),
    ],
  );
};

export const markRecorded = async (database: Database, loadId: string): Promise<void> => {
  await database.pool.query('update loads set recorded = true where load_id = $1', [loadId]);
};

/** What a process left behind that ended between its rows and its event, the oldest first. */
export const loadsToRecord = async (database: Database): Promise<readonly LoadToRecord[]> => {
  const { rows } = await database.pool.query<LoadToRecord>(
    `select context, segment_id as "segmentId", mode, result from loads where not recorded order by loaded_at limit 1000`,
  );
  return rows;
};
