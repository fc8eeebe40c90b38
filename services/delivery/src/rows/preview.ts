import type { Database } from '@waybill/postgres';
import { columnsOf } from './columns.js';
import { copyOut } from './copy-text.js';
import { dialectOf } from './dialect-of.js';
import { withExportConnection } from './export-connection.js';
import { countQuery, rowsQuery } from './query.js';
import type { RowsRequest } from './request.js';
import { RowFormatter } from './row-formatter.js';
import { nameOf } from './tally.js';

/** Where next to every row is left out, a preview does not read on for ever. */
const MAX_REJECTED = 100;

export interface RowsPreview {
  /** Memberships to be read. Rows may be more (one for each identity) or fewer (some are left out). */
  readonly toRead: number;
  /** As it will stand in the file; empty for JSON. */
  readonly header: string;
  /** The first rows, each as it will stand in the file, without its line end. */
  readonly rows: readonly string[];
  /** Those left out before and between them, at most 100, by reason: `required:email`, `duplicate`. */
  readonly rejected: readonly { readonly profileId: string; readonly reason: string }[];
}

/** The first rows of an export, read and written the way the export does it. */
export const previewRows = async (
  database: Database,
  request: RowsRequest,
  { rows: wanted, signal }: { readonly rows: number; readonly signal: AbortSignal },
): Promise<RowsPreview> => {
  const columns = columnsOf(request.fields, request.files.format, request.segment);
  const dialect = dialectOf(columns, request.files);
  const query = rowsQuery(request, columns, null);
  const rejected: { profileId: string; reason: string }[] = [];
  const formatter = new RowFormatter(columns, dialect, query, (key, reason) => {
    if (rejected.length < MAX_REJECTED) rejected.push({ profileId: key()[0], reason: nameOf(reason) });
  });

  return withExportConnection<RowsPreview>(database, signal, async (client) => {
    const counted = await client.query<{ rows: number }>(countQuery(request, columns));
    const rows: string[] = [];
    let rest: Buffer = Buffer.alloc(0);
    for await (const chunk of copyOut(client, query.sql)) {
      rest = Buffer.concat([rest, chunk]);
      for (let taken = -1; taken !== 0 && rows.length < wanted;) {
        taken = formatter.format(rest, 1);
        rest = rest.subarray(taken);
        if (formatter.length > 0) rows.push(lineOf(formatter.take()));
      }
      if (rows.length === wanted || rejected.length === MAX_REJECTED) break;
    }
    const toRead = counted.rows[0]?.rows ?? 0;
    return { result: { toRead, header: lineOf(dialect.header), rows, rejected }, readToTheEnd: false };
  });
};

const lineOf = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString()
    .replace(/\r?\n$/, '');
