import { createHash, type Hash } from 'node:crypto';
import { WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';
import { drawChange } from '../store/changes.js';
import { exitOthers, mergeMemberships, mergeProfiles } from '../store/merge.js';
import { recordingChanges } from '../store/profile-changes.js';
import { refreshStatistics } from '../store/statistics.js';
import { csvMembers } from './csv-members.js';
import type { LoadFormat, LoadRequest, LoadResult } from './load.js';
import { earlierLoad, noteLoad } from './loads.js';
import { ndjsonMembers } from './ndjson-members.js';
import { type Staged, stageUpload } from './staging.js';
import { withUploadConnection } from './upload-connections.js';
import type { UploadReader } from './upload-reader.js';

/**
 * Loads members into a segment from an upload of any size, all or nothing: a body that breaks off, or that cannot be read
 * (`csv-header-unusable`, `csv-quote-unclosed`: malformed), changes nothing. A `replace` of which no line could be used is
 * refused (`nothing-accepted`), rather than emptying the segment. Also throws `idempotency-key-reused` (refused),
 * `too-many-loads` (too-many) and `database-unavailable` (unavailable).
 */
export const loadMembers = (
  database: Database,
  request: LoadRequest,
  body: AsyncIterable<Uint8Array>,
): Promise<LoadResult> =>
  withUploadConnection(database, async (client) => {
    const { context, segmentId, mode, format } = request;
    const hash = createHash('sha256');
    const upload = await stageUpload(client, segmentId, readerOf(format), hashed(body, hash));
    if (mode === 'replace' && upload.staged === 0 && upload.rejected > 0) throw nothingAccepted(upload);
    await client.query('begin');
    const result = await merge(client, request, upload, hash.digest('hex'));
    await client.query('commit');
    await refreshStatistics(client, context, segmentId, upload.staged);
    return result;
  });

const readerOf = (format: LoadFormat): UploadReader =>
  format.type === 'csv' ? csvMembers(format.identity) : ndjsonMembers();

async function* hashed(body: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    hash.update(chunk);
    yield chunk;
  }
}

const merge = async (
  client: pg.ClientBase,
  request: LoadRequest,
  { staged, rejected, rejections }: Staged,
  sha256: string,
): Promise<LoadResult> => {
  const { context, segmentId, mode } = request;
  const change = await drawChange(client, context);
  const earlier = await earlierLoad(client, request, sha256);
  if (earlier) return earlier;
  const { entered, exited, others } = await recordingChanges(client, context, change, 'upload', async () => {
    await mergeProfiles(client, context, change, 'upload', { confirm: false });
    const moves = await mergeMemberships(client, context, segmentId, change, 'upload', { confirm: false });
    return {
      ...moves,
      others: mode === 'replace' ? await exitOthers(client, context, segmentId, change, 'upload') : 0,
    };
  });
  const result: LoadResult = {
    received: staged + rejected,
    accepted: staged,
    entered,
    exited: exited + others,
    unchanged: staged - entered - exited,
    rejected,
    rejections,
    sha256,
  };
  await noteLoad(client, request, result);
  return result;
};

const nothingAccepted = ({ rejected, rejections }: Staged): WaybillError =>
  new WaybillError(
    'nothing-accepted',
    'refused',
    `None of the ${rejected} lines could be used, and replacing the segment with nothing is hardly meant. Nothing was changed. ` +
      `The first: line ${rejections[0]?.line} ${rejections[0]?.reason}.`,
    { extra: { rejections } },
  );
