import { createHash, type Hash } from 'node:crypto';
import { type Scope, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';
import { drawChange } from '../store/changes.js';
import { exitOthers, mergeMemberships, mergeProfiles, type Moves } from '../store/merge.js';
import { refreshStatistics } from '../store/statistics.js';
import { csvMembers } from './csv-members.js';
import { ndjsonMembers } from './ndjson-members.js';
import { type Staged, stageUpload } from './staging.js';
import type { Rejection, UploadReader } from './upload-reader.js';

export type LoadMode = 'merge' | 'replace';
/** For CSV the column that holds the profile id. */
export type LoadFormat = { readonly type: 'csv'; readonly identity: string } | { readonly type: 'ndjson' };

export interface LoadRequest extends Scope {
  readonly segmentId: string;
  readonly mode: LoadMode;
  readonly format: LoadFormat;
}

/** Counts are of lines; in `replace` mode `exited` also counts the members that the upload did not name. */
export interface LoadResult {
  readonly received: number;
  readonly accepted: number;
  readonly entered: number;
  readonly exited: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** The first 100. */
  readonly rejections: readonly Rejection[];
  /** Of the upload, hex. */
  readonly sha256: string;
}

/**
 * Loads members into a segment from an upload of any size, all or nothing: a body that breaks off, or that cannot be read
 * (`csv-header-unusable`, `csv-quote-unclosed`: malformed), changes nothing. Holds one connection of the pool until it ends.
 * A `replace` of which no line could be used is refused (`nothing-accepted`), rather than emptying the segment.
 */
export const loadMembers = async (
  database: Database,
  request: LoadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<LoadResult> => {
  const hash = createHash('sha256');
  const client = await database.pool.connect();
  let broken: Error | undefined;
  try {
    const upload = await stageUpload(client, request.segmentId, readerOf(request.format), hashed(body, hash));
    if (request.mode === 'replace' && upload.staged === 0 && upload.rejected > 0) throw nothingAccepted(upload);
    await client.query('begin');
    const moves = await merge(client, request);
    await client.query('commit');
    await client.query('drop table upload');
    await refreshStatistics(client, request, request.segmentId, upload.staged);
    return {
      received: upload.staged + upload.rejected,
      accepted: upload.staged,
      entered: moves.entered,
      exited: moves.exited + moves.others,
      unchanged: upload.staged - moves.entered - moves.exited,
      rejected: upload.rejected,
      rejections: upload.rejections,
      sha256: hash.digest('hex'),
    };
  } catch (error) {
    broken = error as Error;
    throw error;
  } finally {
    // A connection that failed goes, and with it its transaction, its temporary tables and the rest of its COPY.
    client.release(broken);
  }
};

const readerOf = (format: LoadFormat): UploadReader =>
  format.type === 'csv' ? csvMembers(format.identity) : ndjsonMembers();

async function* hashed(body: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
}

const merge = async (client: pg.ClientBase, request: LoadRequest): Promise<Moves & { readonly others: number }> => {
  const change = await drawChange(client, request);
  await mergeProfiles(client, request, change, 'upload');
  const { entered, exited } = await mergeMemberships(client, request, request.segmentId, change, 'upload', {
    confirm: false,
  });
  const others =
    request.mode === 'replace' ? await exitOthers(client, request, request.segmentId, change, 'upload') : 0;
  return { entered, exited, others };
};

const nothingAccepted = ({ rejected, rejections }: Staged): WaybillError =>
  new WaybillError(
    'nothing-accepted',
    'refused',
    `None of the ${rejected} lines could be used, and replacing the segment with nothing is hardly meant. Nothing was changed. ` +
      `The first: line ${rejections[0]?.line} ${rejections[0]?.reason}.`,
    { extra: { rejections } },
  );
