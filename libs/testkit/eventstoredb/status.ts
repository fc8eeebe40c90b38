// Errors as the server tells them: a gRPC status, and what went wrong in the trailer `exception`.
import grpc, { type Metadata } from '@grpc/grpc-js';
import type { Expected } from './commit-check.js';

const { status: Code } = grpc;

export interface Refusal {
  readonly code: grpc.status;
  readonly details: string;
  readonly metadata?: Metadata;
}

const refusal = (code: grpc.status, details: string, trailers: Readonly<Record<string, string>> = {}): Refusal => {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(trailers)) metadata.set(name, value);
  return { code, details, metadata };
};

/** What a handler throws to end its call with a status. */
export class CallRefused extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.details);
  }
}

export const refusalOf = (error: unknown): Refusal =>
  error instanceof CallRefused ? error.refusal : refusal(Code.UNKNOWN, String(error));

/** What the server did not foresee, bad arguments among it. */
export const invalid = (details: string): CallRefused => new CallRefused(refusal(Code.UNKNOWN, details));

export const streamDeleted = (stream: string): CallRefused =>
  new CallRefused(
    refusal(Code.FAILED_PRECONDITION, `Event stream '${stream}' is deleted.`, {
      exception: 'stream-deleted',
      'stream-name': stream,
    }),
  );

/** Numbers that stand for no number, as deletions tell them. */
const EXPECTED_NUMBERS = { any: -2n, 'no-stream': -1n, 'stream-exists': -4n } as const;

export const wrongExpectedVersion = (stream: string, expected: Expected, current: bigint | undefined): CallRefused => {
  const wanted = typeof expected === 'bigint' ? expected : EXPECTED_NUMBERS[expected];
  return new CallRefused(
    refusal(Code.FAILED_PRECONDITION, `Append failed due to WrongExpectedVersion. Stream: ${stream}`, {
      exception: 'wrong-expected-version',
      'stream-name': stream,
      'expected-version': String(wanted),
      'actual-version': String(current ?? -1n),
    }),
  );
};

export const appendTooLarge = (limit: number): CallRefused =>
  new CallRefused(
    refusal(Code.INVALID_ARGUMENT, `Maximum Append Size of ${limit} Exceeded.`, {
      exception: 'maximum-append-size-exceeded',
      'maximum-append-size': String(limit),
    }),
  );

export const groupMissing = (stream: string, group: string): CallRefused =>
  new CallRefused(
    refusal(Code.NOT_FOUND, `Subscription group ${group} on stream ${stream} does not exist.`, {
      exception: 'persistent-subscription-does-not-exist',
      'stream-name': stream,
      'group-name': group,
    }),
  );

export const groupExists = (stream: string, group: string): CallRefused =>
  new CallRefused(
    refusal(Code.ALREADY_EXISTS, `Subscription group ${group} on stream ${stream} exists.`, {
      exception: 'persistent-subscription-exists',
      'stream-name': stream,
      'group-name': group,
    }),
  );

export const accessDenied = (): Refusal =>
  refusal(Code.PERMISSION_DENIED, 'Access Denied', { exception: 'access-denied' });

export const unauthenticated = (): Refusal => refusal(Code.UNAUTHENTICATED, 'Unauthenticated');

export const notLeader = ({ host, port }: { readonly host: string; readonly port: number }): Refusal =>
  refusal(Code.NOT_FOUND, `Leader info available`, {
    exception: 'not-leader',
    'leader-endpoint-host': host,
    'leader-endpoint-port': String(port),
  });

export const consumerTooSlow = (): CallRefused =>
  new CallRefused(
    refusal(
      Code.ABORTED,
      'Operation timed out: Consumer too slow to handle event while live. Client resubscription required.',
    ),
  );
