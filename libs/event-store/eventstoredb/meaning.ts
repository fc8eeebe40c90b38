import { convertToCommandError, ErrorType, WrongExpectedVersionError } from '@eventstore/db-client';
import grpc, { type ServiceError } from '@grpc/grpc-js';
import { isWaybillError, messageOf, WaybillError } from '@waybill/kernel';
import { revisionConflict, storeUnavailable, streamDeleted } from '../failures.js';

/** Our own clock ran out, or the server ended a call as if all were said when it was not. */
export class AnswerMissing extends Error {}

/** Our own clock ran out before there was anybody to ask. */
export class NotSent extends Error {}

/**
 * What a failed call means: nothing happened and it may be tried again; it may have happened; or it was refused, with an
 * answer that stays the same.
 */
export type Meaning = 'not-done' | 'unknown' | 'refused';

const { status: Code } = grpc;

/** In the words of gRPC and of the server, which have no codes of their own for it. */
const NOT_DONE = [
  /^No connection established/,
  /^Name resolution failed/,
  /^Server Is (Not Ready|Too Busy)/,
  /^No leader info available/,
  /^Failed to discover/,
  /^Channel (has been shut down|closed before call started)/, // another call found out first that it is dead
];

const REFUSED: ReadonlySet<string> = new Set<string>([
  ErrorType.STREAM_DELETED,
  ErrorType.STREAM_NOT_FOUND,
  ErrorType.WRONG_EXPECTED_VERSION,
  ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED,
  ErrorType.ACCESS_DENIED,
]);

/** The client converts some errors and passes others on raw, so both the type and the gRPC code are looked at. */
export const meaningOf = (error: unknown): Meaning => {
  if (isWaybillError(error)) return 'refused';
  if (error instanceof NotSent) return 'not-done';
  const { code, details = messageOf(error), type } = facts(error);
  if (type === ErrorType.NOT_LEADER || NOT_DONE.some((words) => words.test(details))) return 'not-done';
  if (type !== undefined && REFUSED.has(type)) return 'refused';
  if (code === Code.PERMISSION_DENIED || code === Code.INVALID_ARGUMENT) return 'refused';
  return code === undefined && !(error instanceof AnswerMissing) ? 'refused' : 'unknown';
};

export const isStreamDeleted = (error: unknown): boolean => facts(error).type === ErrorType.STREAM_DELETED;

/** A refusal in the words of the port; what the port has no words for stays as it is. */
export const refusalOf = (error: unknown, stream: string): unknown => {
  const { code, type } = facts(error);
  const command = convertToCommandError(error as Error);
  if (isStreamDeleted(error)) return streamDeleted(stream);
  if (command instanceof WrongExpectedVersionError) {
    return revisionConflict(stream, command.actualVersion === 'no_stream' ? -1 : Number(command.actualVersion));
  }
  if (type === ErrorType.MAXIMUM_APPEND_SIZE_EXCEEDED) {
    return new WaybillError(
      'event-too-large',
      'too-large',
      'EventStoreDB is set to take less than this append holds; its MaxAppendSize must be 1 MiB at least.',
      { cause: error },
    );
  }
  if (type === ErrorType.ACCESS_DENIED || code === Code.PERMISSION_DENIED) {
    return storeUnavailable(
      error,
      'EventStoreDB does not let us in: check the user and password of its address, and that the user may read $all.',
    );
  }
  return error;
};

const facts = (error: unknown): { code?: grpc.status; details?: string; type?: string } => {
  const command = convertToCommandError(error as Error) as Partial<ServiceError> & {
    type?: string;
    _raw?: ServiceError;
  };
  const { code, type } = command;
  const details = command.details ?? command._raw?.details;
  return {
    ...(code !== undefined && { code }),
    ...(details !== undefined && { details }),
    ...(type !== undefined && { type }),
  };
};
