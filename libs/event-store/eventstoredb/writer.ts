import type { AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { outcomeUnknown, revisionConflict, storeUnavailable } from '../failures.js';
import type { EncodedEvent } from '../new-events.js';
import type { Appended, ExpectedRevision } from '../port.js';
import type { Connection } from './connection.js';
import { meaningOf, refusalOf } from './meaning.js';
import { readPage } from './reader.js';
import { positionOf, revisionOf } from './recorded.js';
import { appendRequests, streamRequest } from './requests.js';
import type { Tries } from './tries.js';

/**
 * Appends once, however often it has to be sent: the server takes the same ids at the same expected revision for the same
 * append, so after an answer that never came they are simply sent again.
 */
export const write = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  expected: ExpectedRevision,
  tries: Tries,
): Promise<Appended> => {
  let perhapsWritten = false;
  for (;;) {
    try {
      return await appendOnce(connection, stream, events, expected, tries.deadlineMs());
    } catch (error) {
      const meaning = meaningOf(error);
      if (meaning === 'refused') throw refusalOf(error, stream);
      perhapsWritten ||= meaning === 'unknown';
      if (await tries.again(error)) continue;
      if (!perhapsWritten) throw storeUnavailable(error);
      const found = await find(connection, stream, events, expected, tries.lastLookMs).catch(() => undefined);
      if (found) return found;
      throw outcomeUnknown(error);
    }
  }
};

const appendOnce = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  expected: ExpectedRevision,
  deadlineMs: number,
): Promise<Appended> => {
  const requests = appendRequests(stream, expected, events);
  const answer = await connection.call<AppendResp>(
    { deadlineMs },
    (client, metadata, options, over) =>
      new Promise((resolve, reject) => {
        const call = client.append(metadata, options, (error, response) => (error ? reject(error) : resolve(response)));
        call.on('error', reject);
        over.addEventListener('abort', () => call.cancel());
        for (const request of requests) call.write(request);
        call.end();
      }),
  );
  const conflict = answer.getWrongExpectedVersion();
  if (conflict) {
    throw revisionConflict(stream, conflict.hasCurrentRevision() ? Number(conflict.getCurrentRevision()) : -1);
  }
  const success = answer.getSuccess();
  const position = success?.getPosition()?.getCommitPosition();
  if (!success || position === undefined) throw new Error('EventStoreDB answered an append without its position.');
  return { revision: Number(success.getCurrentRevision()), position };
};

/** What was appended stands where its writer expected to write it. */
const find = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  expected: ExpectedRevision,
  deadlineMs: number,
): Promise<Appended | undefined> => {
  const request = streamRequest(stream, expected === 'no-stream' ? 0 : expected + 1, events.length, 'forwards');
  const stored = (await readPage(connection, request, deadlineMs))?.events ?? [];
  const last = stored.at(-1);
  const same =
    stored.length === events.length && stored.every((event, i) => event.getId()?.getString() === events[i]?.id);
  return last && same ? { revision: revisionOf(last), position: positionOf(last) } : undefined;
};
