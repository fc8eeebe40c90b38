import type { handleBidiStreamingCall } from '@grpc/grpc-js';
import type { Message } from 'google-protobuf';
import any from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streams, { type BatchAppendReq, type BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { checkAppend } from './append.js';
import type { Expected } from './commit-check.js';
import type { EventLog } from './log.js';
import type { ProposedEvent } from './stored.js';
import { CallRefused } from './status.js';
import { expectedOf, idOf, identifierOf, nameOf, proposedOf } from './wire.js';

/** One append on its way: its parts come between those of others. */
interface Batch {
  options?: BatchAppendReq.Options | undefined;
  readonly proposed: ProposedEvent[];
}

/** `Streams/BatchAppend`: many appends on one call, each answered by its correlation id. */
export const batchAppendHandler =
  (log: EventLog, maxAppendBytes: number): handleBidiStreamingCall<BatchAppendReq, BatchAppendResp> =>
  (call) => {
    const open = new Map<string, Batch>();
    call.on('data', (request: BatchAppendReq) => {
      const id = idOf(request.getCorrelationId());
      const batch = open.get(id) ?? { proposed: [] };
      open.set(id, batch);
      batch.options ??= request.getOptions();
      batch.proposed.push(...request.getProposedMessagesList().map(proposedOf));
      if (!request.getIsFinal()) return;
      open.delete(id);
      call.write(answerOf(log, maxAppendBytes, batch).setCorrelationId(request.getCorrelationId()));
    });
    call.on('end', () => call.end());
  };

const answerOf = (log: EventLog, maxAppendBytes: number, { options, proposed }: Batch): BatchAppendResp => {
  const stream = nameOf(options?.getStreamIdentifier());
  const answer = new streams.BatchAppendResp().setStreamIdentifier(identifierOf(stream));
  const expected = options ? expectedOf(options, options.getStreamPosition()) : 'any';
  try {
    checkAppend(stream, proposed, maxAppendBytes);
  } catch (error) {
    if (!(error instanceof CallRefused)) throw error;
    const tooLarge = error.refusal.metadata?.get('maximum-append-size').length;
    return answer.setError(
      tooLarge
        ? failure('MaximumAppendSizeExceeded', new shared.MaximumAppendSizeExceeded().setMaxappendsize(maxAppendBytes))
        : failure('Unknown', new shared.Unknown()),
    );
  }
  const appended = log.append(stream, expected, proposed);
  if (appended.outcome === 'deleted') {
    const deleted = new shared.StreamDeleted().setStreamIdentifier(identifierOf(stream));
    return answer.setError(failure('StreamDeleted', deleted));
  }
  if (appended.outcome === 'conflict') {
    return answer.setError(failure('WrongExpectedVersion', conflictOf(expected, appended.current)));
  }
  const position = new shared.AllStreamPosition()
    .setCommitPosition(String(appended.position))
    .setPreparePosition(String(appended.position));
  const success = new streams.BatchAppendResp.Success().setCurrentRevision(String(appended.revision));
  return answer.setSuccess(success.setPosition(position));
};

const UNKNOWN = 2;

/** A `google.rpc.Status` whose detail says what went wrong. */
const failure = (name: string, detail: Message) => {
  const packed = new any.Any();
  packed.pack(detail.serializeBinary(), `event_store.client.${name}`);
  return new status.Status().setCode(UNKNOWN).setMessage(name).setDetails(packed);
};

const conflictOf = (expected: Expected, current: bigint | undefined) => {
  const conflict = new shared.WrongExpectedVersion();
  if (current === undefined) conflict.setCurrentNoStream(new empty.Empty());
  else conflict.setCurrentStreamRevision(String(current));
  if (expected === 'any') conflict.setExpectedAny(new empty.Empty());
  else if (expected === 'no-stream') conflict.setExpectedNoStream(new empty.Empty());
  else if (expected === 'stream-exists') conflict.setExpectedStreamExists(new empty.Empty());
  else conflict.setExpectedStreamPosition(String(expected));
  return conflict;
};
