import type { handleUnaryCall } from '@grpc/grpc-js';
import streams, {
  type DeleteReq,
  type DeleteResp,
  type TombstoneReq,
  type TombstoneResp,
} from '@eventstore/db-client/generated/streams_pb.js';
import type { Expected } from './commit-check.js';
import type { Appended, EventLog } from './log.js';
import { invalid, refusalOf, streamDeleted, wrongExpectedVersion } from './status.js';
import { expectedOf, nameOf } from './wire.js';

/** `Streams/Delete`: softly. */
export const deleteHandler =
  (log: EventLog): handleUnaryCall<DeleteReq, DeleteResp> =>
  (call, callback) => {
    try {
      const position = remove(call.request.getOptions(), (stream, expected) => log.deleteSoftly(stream, expected));
      const at = new streams.DeleteResp.Position().setCommitPosition(position).setPreparePosition(position);
      callback(null, new streams.DeleteResp().setPosition(at));
    } catch (error) {
      callback(refusalOf(error));
    }
  };

/** `Streams/Tombstone`: for ever. */
export const tombstoneHandler =
  (log: EventLog): handleUnaryCall<TombstoneReq, TombstoneResp> =>
  (call, callback) => {
    try {
      const position = remove(call.request.getOptions(), (stream, expected) => log.tombstone(stream, expected));
      const at = new streams.TombstoneResp.Position().setCommitPosition(position).setPreparePosition(position);
      callback(null, new streams.TombstoneResp().setPosition(at));
    } catch (error) {
      callback(refusalOf(error));
    }
  };

/** Answers where the deletion stands in the log. */
const remove = (
  options: DeleteReq.Options | TombstoneReq.Options | undefined,
  work: (stream: string, expected: Expected) => Appended,
): string => {
  if (!options) throw invalid('A deletion names a stream.');
  const stream = nameOf(options.getStreamIdentifier());
  const expected = expectedOf(options, options.getRevision());
  const removed = work(stream, expected);
  if (removed.outcome === 'deleted') throw streamDeleted(stream);
  if (removed.outcome === 'conflict') throw wrongExpectedVersion(stream, expected, removed.current);
  return String(removed.position);
};
