import type { RecordedEvent } from '@waybill/kernel';
import type { StreamSlice } from '../port.js';
import type { Connection } from './connection.js';
import { AnswerMissing } from './meaning.js';
import { readPage } from './reader.js';
import { revisionOf, toRecorded } from './recorded.js';
import { streamRequest } from './requests.js';

export interface StreamQuestion {
  readonly stream: string;
  readonly from: number | 'last';
  readonly max: number;
  readonly direction: 'forwards' | 'backwards';
}

const NOTHING: StreamSlice = { events: [], lastRevision: -1 };

/** Usually one call; what the page does not tell of the stream's end is asked for by another. */
export const readStreamSlice = async (
  connection: Connection,
  { stream, from, max, direction }: StreamQuestion,
  deadlineMs: () => number,
): Promise<StreamSlice> => {
  const events: RecordedEvent[] = [];
  let last: number | undefined;
  let isEmpty = true;
  for (let next = from; events.length < max;) {
    const asked = max - events.length;
    const page = await readPage(connection, streamRequest(stream, next, asked, direction), deadlineMs());
    if (!page) return NOTHING;
    events.push(...page.events.map(toRecorded).filter((event) => event !== undefined));
    if (!page.ended && events.length === 0) throw new AnswerMissing('A read of the stream was cut short.');
    isEmpty &&= page.events.length === 0;
    const [first, end] = [page.events[0], page.events.at(-1)];
    const wasAll = page.ended && page.events.length < asked;
    if (first && next === 'last') last = revisionOf(first);
    // Never further than was looked: what came in meanwhile is for the next page.
    if (!isEmpty && direction === 'forwards' && wasAll) last = end ? revisionOf(end) : Number(next) - 1;
    if (!end || wasAll || !page.ended) break;
    // What is not ours made the page shorter: fill it up.
    next = revisionOf(end) + (direction === 'forwards' ? 1 : -1);
    if (next < 0) break;
  }
  last ??= await lastRevision(connection, stream, deadlineMs());
  if (isEmpty && last >= 0 && (from === 'last' || (direction === 'forwards' && from <= last))) {
    throw new AnswerMissing('A read of the stream ended before it began.');
  }
  return { events, lastRevision: last };
};

/** -1 when there is no such stream. */
const lastRevision = async (connection: Connection, stream: string, deadlineMs: number): Promise<number> => {
  const page = await readPage(connection, streamRequest(stream, 'last', 1, 'backwards'), deadlineMs);
  if (!page) return -1;
  const [event] = page.events;
  if (!event) throw new AnswerMissing('The end of the stream was not told.');
  return revisionOf(event);
};
