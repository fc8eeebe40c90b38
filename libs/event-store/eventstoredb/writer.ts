import type { AppendResp } from '@eventstore/db-client/generated/streams_pb.js';
import { outcomeUnknown, revisionConflict, storeUnavailable } from '../failures.js';
import type { EncodedEvent } from '../new-events.js';
import type { ExpectedRevision, Position } from '../port.js';
import type { Connection } from './connection.js';
import { meaningOf, refusalOf } from './meaning.js';
import { lastRevision } from './read-stream.js';
import { readPage } from './reader.js';
import { positionOf, revisionOf, type StoredEvent } from './recorded.js';
import { appendRequests, deleteRequest, streamRequest } from './requests.js';
import { type Tries, tryAgain } from './tries.js';

/** Where the last event of an append stands. */
export interface Written {
  readonly revision: number;
  readonly position: Position;
}

/**
 * Appends once, however often it has to be sent. The server takes the same ids at the same expected revision for the same
 * append, so after an answer that never came they are simply sent again. A writer that expected nothing is promised that
 * by no server; for it the stream is looked at first, and what is not there is sent at the revision that was found.
 */
export const write = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  given: ExpectedRevision,
  tries: Tries,
): Promise<Written> => {
  let expected = given;
  let perhapsWritten = false;
  for (;;) {
    try {
      if (perhapsWritten && given === 'any') {
        const earlier = await findAnywhere(connection, stream, events, tries.deadlineMs());
        if (earlier) return earlier;
        const last = await lastRevision(connection, stream, tries.deadlineMs());
        expected = last === -1 ? 'no-stream' : last;
      }
      return await appendOnce(connection, stream, events, expected, tries.deadlineMs());
    } catch (error) {
      const meaning = meaningOf(error);
      const outrun = perhapsWritten && given === 'any' && isConflict(error);
      if (meaning === 'refused' && !outrun) throw refusalOf(error, stream);
      perhapsWritten ||= meaning === 'unknown';
      if (await tries.again(error)) continue;
      if (!perhapsWritten) throw storeUnavailable(error);
      const found = await find(connection, stream, events, given, tries.lastLookMs).catch(() => undefined);
      if (found) return found;
      throw outcomeUnknown(error);
    }
  }
};

const isConflict = (error: unknown): boolean => (error as { slug?: string }).slug === 'revision-conflict';

const appendOnce = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  expected: ExpectedRevision,
  deadlineMs: number,
): Promise<Written> => {
  const requests = appendRequests(stream, expected, events);
  const answer = await connection.call<AppendResp>(
    deadlineMs,
    (client, metadata, options) =>
      new Promise((resolve, reject) => {
        const call = client.append(metadata, options, (error, response) => (error ? reject(error) : resolve(response)));
        call.on('error', reject);
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

/** A second deletion changes nothing, so it may be asked for again. */
export const remove = async (
  connection: Connection,
  stream: string,
  expected: number | 'any',
  tries: Tries,
): Promise<void> => {
  let perhapsDone = false;
  const once = (deadlineMs: number): Promise<void> =>
    connection.call(
      deadlineMs,
      (client, metadata, options) =>
        new Promise((resolve, reject) => {
          const request = deleteRequest(stream, expected);
          client.delete(request, metadata, options, (error) => (error ? reject(error) : resolve()));
        }),
    );
  try {
    await tryAgain(tries, (deadlineMs) =>
      once(deadlineMs).catch((error: Error) => {
        perhapsDone ||= meaningOf(error) === 'unknown';
        throw error;
      }),
    );
  } catch (error) {
    if (meaningOf(error) === 'refused') throw refusalOf(error, stream);
    throw perhapsDone ? outcomeUnknown(error) : storeUnavailable(error);
  }
};

const find = (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  expected: ExpectedRevision,
  deadlineMs: number,
): Promise<Written | undefined> =>
  expected === 'any'
    ? findAnywhere(connection, stream, events, deadlineMs)
    : findAt(connection, stream, events, expected === 'no-stream' ? 0 : expected + 1, deadlineMs);

const findAt = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  revision: number,
  deadlineMs: number,
): Promise<Written | undefined> => {
  const request = streamRequest(stream, revision, events.length, 'forwards');
  return sameEvents((await readPage(connection, request, deadlineMs))?.events ?? [], events);
};

/** What was sent a moment ago stands near the end, unless so many others were faster. */
const TAIL = 1_000;

const findAnywhere = async (
  connection: Connection,
  stream: string,
  events: readonly EncodedEvent[],
  deadlineMs: number,
): Promise<Written | undefined> => {
  const request = streamRequest(stream, 'last', events.length + TAIL, 'backwards');
  const tail = [...((await readPage(connection, request, deadlineMs))?.events ?? [])].reverse();
  const first = tail.findIndex((event) => event.getId()?.getString() === events[0]?.id);
  return first === -1 ? undefined : sameEvents(tail.slice(first, first + events.length), events);
};

const sameEvents = (stored: readonly StoredEvent[], events: readonly EncodedEvent[]): Written | undefined => {
  const last = stored.at(-1);
  const same =
    stored.length === events.length && stored.every((event, i) => event.getId()?.getString() === events[i]?.id);
  return last && same ? { revision: revisionOf(last), position: positionOf(last) } : undefined;
};
