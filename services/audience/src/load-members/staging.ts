import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { INCOMING_COLUMNS } from '../store/merge.js';
import type { Member, Rejection, UploadReader } from './upload-reader.js';

/** How many rejections an answer names. */
export const MAX_REJECTIONS = 100;
const BATCH_CHARACTERS = 64 * 1024;

export interface Staged {
  readonly staged: number;
  readonly rejected: number;
  /** The first ones, in the order of their lines. */
  readonly rejections: readonly Rejection[];
}

/**
 * Copies an upload into the temporary table `staged` of this connection, outside any transaction and any lock, since an
 * upload takes as long as its sender. Of lines with one id the first counts, the others are rejected.
 */
export const stageUpload = async (
  client: pg.ClientBase,
  segmentId: string,
  reader: UploadReader,
  body: AsyncIterable<Uint8Array>,
): Promise<Staged> => {
  await client.query(`create temporary table staged (line bigint not null, ${INCOMING_COLUMNS})`);
  const rejections: Rejection[] = [];
  let rejected = 0;

  async function* rows(): AsyncGenerator<Buffer> {
    let batch = '';
    for await (const lines of readAll(reader, body)) {
      for (const line of lines) {
        if ('reason' in line) {
          if (rejected++ < MAX_REJECTIONS) rejections.push(line);
        } else batch += copyRow(segmentId, line);
        if (batch.length >= BATCH_CHARACTERS) {
          yield Buffer.from(batch);
          batch = '';
        }
      }
    }
    yield Buffer.from(batch);
  }

  const copy = client.query(
    copyFrom('copy staged (line, segment_id, profile_id, status, identities, attributes) from stdin'),
  );
  await pipeline(rows, copy);

  // Temporary tables are passed over by autovacuum, which else would tell the planner how many rows there are.
  await client.query('analyze staged (profile_id)');
  const repeated = await rejectRepeated(client);
  return {
    staged: copy.rowCount - repeated.count,
    rejected: rejected + repeated.count,
    rejections: [...rejections, ...repeated.first].sort((a, b) => a.line - b.line).slice(0, MAX_REJECTIONS),
  };
};

async function* readAll(
  reader: UploadReader,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Iterable<Member | Rejection>> {
  for await (const chunk of body) yield reader.read(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
  yield reader.end();
}

/** A line of COPY's text format. Ids hold no control characters and JSON escapes them, which leaves the backslash. */
const copyRow = (segmentId: string, { line, id, status, identities, attributes }: Member): string =>
  `${line}\t${escape(segmentId)}\t${escape(id)}\t${status}\t${escape(identities)}\t${escape(attributes)}\n`;

const escape = (text: string): string => (text.includes('\\') ? text.replaceAll('\\', '\\\\') : text);

const rejectRepeated = async (client: pg.ClientBase): Promise<{ count: number; first: readonly Rejection[] }> => {
  await client.query(
    `create temporary table repeated as
     select line, first from (
       select line, min(line) over (partition by profile_id) as first from staged) numbered
     where line > first`,
  );
  const { rowCount } = await client.query('delete from staged using repeated where staged.line = repeated.line');
  const { rows } = await client.query<{ line: number; first: number }>(
    'select line, first from repeated order by line limit $1',
    [MAX_REJECTIONS],
  );
  return {
    count: rowCount ?? 0,
    first: rows.map(({ line, first }) => ({ line, reason: `has the same profile id as line ${first}, which counts` })),
  };
};
