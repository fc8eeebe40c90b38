import type { RecordedEvent } from '@waybill/kernel';
import { storeUnavailable } from '../failures.js';
import type { LogSlice, Position } from '../port.js';
import { comparePositions } from '../positions.js';
import type { Connection } from './connection.js';
import { read, readPage } from './reader.js';
import { positionOf, toRecorded } from './recorded.js';
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

/** The position of the last event there is, of whatever kind. */
export const readHead = async (connection: Connection, deadlineMs: number): Promise<Position> => {
  const [event] = (await readPage(connection, headRequest(), deadlineMs)) ?? [];
  return event ? positionOf(event) : START;
};

/** The head is taken first: what was looked through from there to the end of a read holds nothing that came before it. */
export const readLogSlice = async (
  connection: Connection,
  question: LogQuestion,
  deadlineMs: () => number,
): Promise<LogSlice & { readonly head: Position }> => {
  const head = await readHead(connection, deadlineMs());
  const { after, farBehind } = question;
  if (comparePositions(after, head) >= 0) return { events: [], position: after, atEnd: true, head };
  const far = BigInt(head) - BigInt(after) > BigInt(farBehind);
  const slice = await (far ? lookBit : lookThrough)(connection, question, head, deadlineMs());
  return { ...slice, head };
};

const later = (a: Position, b: Position): Position => (comparePositions(a, b) < 0 ? b : a);

/** One filtered read, which says nothing of how far it looked but by coming to its end. */
const lookThrough = async (
  connection: Connection,
  { after, filter, max }: LogQuestion,
  head: Position,
  deadlineMs: number,
): Promise<LogSlice> => {
  // The read gives the event at its position once more, when that passes the filter.
  const request = logRequest(after === START ? 'start' : after, max + 1, filter);
  const page = (await readPage(connection, request, deadlineMs)) ?? [];
  const fresh = page.filter((event) => after === START || comparePositions(positionOf(event), after) > 0);
  const stored = fresh.slice(0, max);
  const ended = page.length <= max;
  const last = stored.at(-1);
  const reached = last ? positionOf(last) : after;
  const events = stored.map(toRecorded).filter((event) => event !== undefined);
  return { events, position: ended ? later(reached, head) : reached, atEnd: ended };
};

/**
 * A subscription to the history, ended at a full page, at its end, or when time is up: in a long log where little
 * matches, its checkpoints are the only sign of how far the server has looked, and a read might never come to an end.
 */
const lookBit = async (
  connection: Connection,
  { after, filter, max }: LogQuestion,
  head: Position,
  deadlineMs: number,
): Promise<LogSlice> => {
  const events: RecordedEvent[] = [];
  let position = after;
  let atEnd = false;
  let taken = 0;
  const until = performance.now() + deadlineMs / 2;
  const request = subscriptionRequest(after === START ? 'start' : after, filter);
  await read(connection, request, { deadlineMs }, (answer) => {
    const stored = answer.getEvent()?.getEvent();
    const checkpoint = answer.getCheckpoint()?.getCommitPosition();
    if (stored) {
      taken += 1;
      position = positionOf(stored);
      const event = toRecorded(stored);
      if (event) events.push(event);
    } else if (checkpoint !== undefined) {
      position = later(position, checkpoint);
    } else if (answer.hasCaughtUp()) {
      position = later(position, head);
      atEnd = true;
    }
    const moved = comparePositions(position, after) > 0;
    return atEnd || taken === max || (moved && performance.now() > until) ? 'enough' : 'more';
  });
  // A subscription has no end of its own: whatever ended it here, the reader must not take it for one.
  if (position === after && !atEnd) throw storeUnavailable(new Error('A subscription ended before it began.'));
  return { events, position, atEnd };
};
