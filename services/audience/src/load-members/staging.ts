import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { INCOMING_COLUMNS } from '../store/merge.js';
import type { Member, Rejection, UploadReader } from './upload-reader.js';

/** How many rejections an answer names. */
export const MAX_REJECTIONS = 100;
const BATCH_CHARACTERS = 64 * 1024;
const SORT_MEMORY = '64MB';

export interface Staged {
  readonly staged: number;
  readonly rejected: number;
  /** The first ones, in the order of their lines. */
  readonly rejections: readonly Rejection[];
}

/**
 * Copies an upload into the temporary table `upload` of this connection, outside any transaction that others could wait
 * for, since an upload takes as long as its sender. Of lines with one id the first counts, the others are rejected.
 */
export const stageUpload = async (
  client: pg.ClientBase,
  segmentId: string,
  reader: UploadReader,
  body: AsyncIterable<Uint8Array>,
): Promise<Staged> => {
  await client.query(`create temporary table lines (line bigint not null, ${INCOMING_COLUMNS})`);
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
    copyFrom('copy lines (line, segment_id, profile_id, status, identities, attributes) from stdin'),
  );
  await pipeline(rows, copy);

  const staged = await sortOut(client);
  const repeated = copy.rowCount - staged;
  if (repeated > 0) rejections.push(...(await firstRepeated(client)));
  await client.query('drop table lines');
  return {
    staged,
    rejected: rejected + repeated,
    rejections: rejections.sort((a, b) => a.line - b.line).slice(0, MAX_REJECTIONS),
  };
};

/** Each profile once, in the order of its key, in which the rows are then written; answers how many. */
const sortOut = async (client: pg.ClientBase): Promise<number> => {
  await client.query('begin');
  await client.query(`set local work_mem = '${SORT_MEMORY}'`);
  const { rowCount } = await client.query(
    'create temporary table upload as select distinct on (profile_id) * from lines order by profile_id, line',
  );
  await client.query('create unique index on upload (profile_id)');
  // Autovacuum does not see temporary tables, and would else tell the planner how many rows there are.
  await client.query('analyze upload (profile_id)');
  await client.query('commit');
  return rowCount ?? 0;
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

const firstRepeated = async (client: pg.ClientBase): Promise<readonly Rejection[]> => {
  const { rows } = await client.query<{ line: number; first: number }>(
    `select lines.line, upload.line as first from lines join upload using (profile_id)
     where lines.line <> upload.line order by lines.line limit $1`,
    [MAX_REJECTIONS],
  );
  return rows.map(({ line, first }) => ({ line, reason: `has the same profile id as line ${first}, which counts` }));
};
