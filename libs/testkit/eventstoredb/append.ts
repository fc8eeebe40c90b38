import type { handleClientStreamingCall } from '@grpc/grpc-js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams, { type AppendReq, type AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { Expected } from './commit-check.js';
import type { Appended, EventLog } from './log.js';
import type { ProposedEvent } from './stored.js';
import { appendTooLarge, invalid, refusalOf, streamDeleted } from './status.js';
import { expectedOf, nameOf, proposedOf } from './wire.js';

/** What no server takes, however it is sent. */
export const checkAppend = (stream: string, proposed: readonly ProposedEvent[], maxAppendBytes: number): void => {
  if (stream === '') throw invalid('The name of a stream must not be empty.');
  if (proposed.some(({ type }) => type === '')) throw invalid('The type of an event must not be empty.');
  const bytes = proposed.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0);
  if (bytes > maxAppendBytes) throw appendTooLarge(maxAppendBytes);
};

/** `Streams/Append`: options first, then one message per event, and one answer at the end. */
export const appendHandler =
  (log: EventLog, maxAppendBytes: number): handleClientStreamingCall<AppendReq, AppendResp> =>
  (call, callback) => {
    let options: AppendReq.Options | undefined;
    const proposed: ProposedEvent[] = [];
    call.on('data', (request: AppendReq) => {
      options ??= request.getOptions();
      const message = request.getProposedMessage();
      if (message) proposed.push(proposedOf(message));
    });
    call.on('end', () => {
      if (call.cancelled) return;
      try {
        if (!options) throw invalid('An append begins with its options.');
        const stream = nameOf(options.getStreamIdentifier());
        checkAppend(stream, proposed, maxAppendBytes);
        const expected = expectedOf(options, options.getRevision());
        callback(null, answerOf(stream, expected, log.append(stream, expected, proposed)));
      } catch (error) {
        callback(refusalOf(error));
      }
    });
  };

const answerOf = (stream: string, expected: Expected, appended: Appended): AppendResp => {
  const answer = new streams.AppendResp();
  if (appended.outcome === 'deleted') throw streamDeleted(stream);
  if (appended.outcome === 'conflict') {
    return answer.setWrongExpectedVersion(conflictOf(expected, appended.current));
  }
  const position = new streams.AppendResp.Position();
  position.setCommitPosition(String(appended.position)).setPreparePosition(String(appended.position));
  const success = new streams.AppendResp.Success();
  return answer.setSuccess(success.setCurrentRevision(String(appended.revision)).setPosition(position));
};

const conflictOf = (expected: Expected, current: bigint | undefined): AppendResp.WrongExpectedVersion => {
  const conflict = new streams.AppendResp.WrongExpectedVersion();
  if (current === undefined) conflict.setCurrentNoStream(new shared.Empty());
  else conflict.setCurrentRevision(String(current));
  if (expected === 'any') conflict.setExpectedAny(new shared.Empty());
  else if (expected === 'no-stream') conflict.setExpectedNoStream(new shared.Empty());
  else if (expected === 'stream-exists') conflict.setExpectedStreamExists(new shared.Empty());
  else conflict.setExpectedRevision(String(expected));
  return conflict;
};
