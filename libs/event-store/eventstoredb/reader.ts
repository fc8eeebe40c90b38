import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ClientReadableStream } from '@grpc/grpc-js';
import type { Connection, Limits } from './connection.js';
import { isStreamDeleted, meaningOf } from './meaning.js';
import type { StoredEvent } from './recorded.js';

/** What `Streams/Read` answers, one message at a time; answering `enough` ends the call. */
export type Take = (answer: ReadResp) => 'more' | 'enough';

/** Resolves when the server has said all, or the taker has enough. */
export const read = (connection: Connection, request: ReadReq, limits: Limits, take: Take): Promise<void> =>
  connection.call(limits, (client, metadata, options, over) => {
    const call = client.read(request, metadata, options);
    const cancel = (): void => call.cancel();
    over.addEventListener('abort', cancel);
    return consume(call, take, over).finally(() => over.removeEventListener('abort', cancel));
  });

const consume = (call: ClientReadableStream<ReadResp>, take: Take, over: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    call.on('data', (answer: ReadResp) => {
      if (over.aborted) return; // whoever gathered what came has it already
      try {
        if (take(answer) === 'more') return;
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      call.cancel();
    });
    call.on('end', resolve);
    call.on('error', reject); // of a call that was cancelled, too, when the promise is settled already
  });

export interface Page {
  readonly events: readonly StoredEvent[];
  /** Whether the server said that this is all. Else it was cut short, and what came is still good. */
  readonly ended: boolean;
}

/** Undefined where there is no such stream (any more). */
export const readPage = async (
  connection: Connection,
  request: ReadReq,
  deadlineMs: number,
): Promise<Page | undefined> => {
  const events: StoredEvent[] = [];
  let found = true;
  try {
    await read(connection, request, { deadlineMs }, (answer) => {
      const event = answer.getEvent()?.getEvent();
      if (event) events.push(event);
      if (answer.hasStreamNotFound()) found = false;
      return 'more';
    });
  } catch (error) {
    if (isStreamDeleted(error)) return undefined;
    if (events.length > 0 && meaningOf(error) !== 'refused') return { events, ended: false };
    throw error;
  }
  return found ? { events, ended: true } : undefined;
};
