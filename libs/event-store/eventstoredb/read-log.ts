import type { RecordedEvent } from '@waybill/kernel';
import type { LogSlice, Position } from '../port.js';
import { comparePositions } from '../positions.js';
import type { Connection } from './connection.js';
import { AnswerMissing, meaningOf } from './meaning.js';
import { read, readPage } from './reader.js';
import { positionOf, streamOf, toRecorded } from './recorded.js';
import { headRequest, type LogFilter, logRequest, subscriptionRequest } from './requests.js';

/** Before everything: no event of a reader's lies there. */
export const START: Position = '0';

export interface LogQuestion {
  readonly after: Position;
  readonly filter: LogFilter;
  readonly max: number;
  /** A reader that is further behind, in bytes of the log, looks for what it wants bit by bit. */
  readonly farBehind: number;
}

/** The last event there is, of whatever kind. */
export interface Head {
  readonly position: Position;
  readonly stream: string;
}

export const readHead = async (connection: Connection, deadlineMs: number): Promise<Head> => {
  const [event] = (await readPage(connection, headRequest(), deadlineMs))?.events ?? [];
  if (!event) throw new AnswerMissing('The end of the log was not told, and a log always has one.');
  return { position: positionOf(event), stream: streamOf(event) };
};

export const readLogSlice = async (
  connection: Connection,
  question: LogQuestion,
  deadlineMs: () => number,
): Promise<LogSlice> => {
  const head = await readHead(connection, deadlineMs());
  const { after, filter, farBehind } = question;
  const behind = BigInt(head.position) - BigInt(after);
  if (behind <= 0n) return { events: [], position: after, atEnd: true };
  if (filter !== 'no-system-events' && filter.prefixes.length === 0) {
    return { events: [], position: head.position, atEnd: true };
  }
  if (behind > BigInt(farBehind)) return lookBit(connection, question, head, deadlineMs());
  return lookThrough(connection, question, head, deadlineMs()).catch((error: unknown) => {
    if (meaningOf(error) !== 'unknown') throw error;
    // Perhaps it was too far for the time there was; the next call would begin at the same place.
    return lookBit(connection, question, head, deadlineMs());
  });
};

/**
 * One read to the head, which was taken first and is asked for along with what is wanted: a read that ends without it has
 * ended early, and whatever came after its last event was not looked at. Only so nothing is skipped.
 */
const lookThrough = async (
  connection: Connection,
  { after, filter, max }: LogQuestion,
  head: Head,
  deadlineMs: number,
): Promise<LogSlice> => {
  const asked = filter === 'no-system-events' ? 'all' : { prefixes: [...filter.prefixes, head.stream] };
  // The read begins with the event at its position, which was read before, and may find others in the stream of the head.
  const request = logRequest(after === START ? 'start' : after, Math.max(max, SMALLEST_READ) + 1, asked);
  const events: RecordedEvent[] = [];
  let position = after;
  for (const stored of (await readPage(connection, request, deadlineMs))?.events ?? []) {
    if (events.length === max) break;
    if (after !== START && comparePositions(positionOf(stored), after) <= 0) continue;
    position = positionOf(stored);
    const event = isWanted(filter, streamOf(stored)) ? toRecorded(stored) : undefined;
    if (event) events.push(event);
  }
  if (position === after) throw new AnswerMissing('A read of the log ended before it began.');
  return { events, position, atEnd: comparePositions(position, head.position) >= 0 };
};

const SMALLEST_READ = 100;

const isWanted = (filter: LogFilter, stream: string): boolean =>
  filter === 'no-system-events' || filter.prefixes.some((prefix) => stream.startsWith(prefix));

/**
 * A subscription to the history, ended at a full page, at its end, or when time is up: in a long log where little
 * matches, its checkpoints are the only sign of how far the server has looked, and a read might never come to an end.
 */
const lookBit = async (
  connection: Connection,
  { after, filter, max }: LogQuestion,
  head: Head,
  deadlineMs: number,
): Promise<LogSlice> => {
  const events: RecordedEvent[] = [];
  let position = after;
  let atEnd = false;
  const until = performance.now() + deadlineMs / 2;
  const request = subscriptionRequest(after === START ? 'start' : after, filter);
  const looking = read(connection, request, { deadlineMs }, (answer) => {
    const stored = answer.getEvent()?.getEvent();
    const checkpoint = answer.getCheckpoint()?.getCommitPosition();
    if (stored) {
      position = positionOf(stored);
      const event = toRecorded(stored);
      if (event) events.push(event);
    } else if (checkpoint !== undefined) {
      position = later(position, checkpoint);
    } else if (answer.hasCaughtUp()) {
      position = later(position, head.position);
      atEnd = true;
    }
    const late = performance.now() > until && comparePositions(position, after) > 0;
    return atEnd || late || events.length === max ? 'enough' : 'more';
  });
  await looking.catch((error: unknown) => {
    if (position === after || meaningOf(error) === 'refused') throw error; // else what came is good
  });
  if (position === after) throw new AnswerMissing('A subscription to the log ended before it began.');
  return { events, position, atEnd };
};

const later = (a: Position, b: Position): Position => (comparePositions(a, b) < 0 ? b : a);
