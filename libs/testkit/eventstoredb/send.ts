import { once } from 'node:events';
import type { ServerDuplexStream, ServerWritableStream } from '@grpc/grpc-js';

type AnswerStream<Request, Answer> = ServerWritableStream<Request, Answer> | ServerDuplexStream<Request, Answer>;

/** Aborted when the client goes away, or the server stops. */
export const signalOf = <Request, Answer>(call: AnswerStream<Request, Answer>): AbortSignal => {
  const over = new AbortController();
  call.once('cancelled', () => over.abort());
  return over.signal;
};

/** Waits where the client reads slowly. */
export const send = async <Request, Answer>(
  call: AnswerStream<Request, Answer>,
  answer: Answer,
  signal: AbortSignal,
): Promise<void> => {
  if (signal.aborted || call.write(answer)) return;
  await once(call, 'drain', { signal }).catch(() => undefined); // the reader is gone
};
