import { once } from 'node:events';
import { type Database, databaseUnavailable } from '@waybill/postgres';
import { type Column, columnsOf } from './columns.js';
import { copyOut } from './copy-text.js';
import { dialectOf } from './dialect-of.js';
import { exportSnapshot, type SnapshotId, withExportConnection } from './export-connection.js';
import { type RowKey, rowsQuery } from './query.js';
import type { RowsRequest } from './request.js';
import { RowFormatter } from './row-formatter.js';

export interface ScoutOptions {
  /** Where the part before the first one ended; null: at the begin. */
  readonly after: string | null;
  readonly signal: AbortSignal;
  /** Whoever reads a part in this snapshot finds the very rows that were counted here. */
  readonly onSnapshot: (id: SnapshotId) => void;
  /** Called at the end of each full part that another row follows; no further rows are read until it resolves. */
  readonly onPartEnd: (lastKey: string) => Promise<void>;
}

/**
 * Finds where parts end by running ahead of those who read them: reads what decides whether a row is written, and writes
 * nothing. Holds the snapshot until `signal` aborts, and resolves then. Error (WaybillError slug): `database-unavailable`.
 */
export const scoutParts = async (
  database: Database,
  request: RowsRequest,
  { after, signal, onSnapshot, onPartEnd }: ScoutOptions,
): Promise<void> => {
  const columns = columnsOf(request.fields, request.files.format, request.segment);
  const shown = decisiveOf(columns, dialectOf(columns, request.files).refuses);
  const query = rowsQuery(request, columns, after === null ? null : (JSON.parse(after) as RowKey), shown);
  const formatter = new RowFormatter(shown, dialectOf(shown, request.files), query);
  try {
    await withExportConnection(database, signal, async (client) => {
      // Nothing else tells of a connection that is lost while nothing is read.
      const lost = once(client, 'end', { signal }).then(() => {
        throw databaseUnavailable(new Error('the connection that held the snapshot ended'));
      });
      lost.catch(() => undefined);
      onSnapshot(await exportSnapshot(client));
      const ends = endsOf(copyOut(client, query.sql), formatter, request.files.maxRowsPerFile);
      for await (const key of ends) await Promise.race([onPartEnd(JSON.stringify(key)), lost]);
      return await lost;
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};

/** The columns that a row may be left out for; one at least, since a row has cells. */
const decisiveOf = (columns: readonly Column[], dialectRefuses: boolean): readonly Column[] => {
  const decisive = dialectRefuses ? columns : columns.filter(({ required }) => required);
  return decisive.length > 0 ? decisive : columns.slice(0, 1);
};

async function* endsOf(copy: AsyncIterable<Buffer>, formatter: RowFormatter, maxRows: number): AsyncGenerator<RowKey> {
  let rows: Buffer = Buffer.alloc(0);
  let inPart = 0;
  for await (const chunk of copy) {
    rows = rows.length === 0 ? chunk : Buffer.concat([rows, chunk]);
    for (let taken = -1; taken !== 0;) {
      const { lastKey, tally } = formatter;
      const [before, full] = [tally.written, inPart === maxRows];
      taken = formatter.format(rows, full ? 1 : maxRows - inPart);
      formatter.drop();
      rows = rows.subarray(taken);
      const written = tally.written - before;
      if (full && written > 0) {
        yield lastKey as RowKey;
        inPart = 0;
      }
      inPart += written;
    }
  }
  if (rows.length > 0) throw new Error('The rows of an export broke off.');
}
