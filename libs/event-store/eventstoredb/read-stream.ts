import type { RecordedEvent } from '@waybill/kernel';
import type { StreamSlice } from '../port.js';
import type { Connection } from './connection.js';
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
  for (let next = from; events.length < max;) {
    const asked = max - events.length;
    const page = await readPage(connection, streamRequest(stream, next, asked, direction), deadlineMs());
    if (!page) return NOTHING;
    events.push(...page.map(toRecorded).filter((event) => event !== undefined));
    const [first, end] = [page[0], page.at(-1)];
    if (first && next === 'last') last = revisionOf(first);
    if (end && direction === 'forwards' && page.length < asked) last = revisionOf(end);
    if (!end || page.length < asked) break;
    // What is not ours made the page shorter: fill it up.
    next = revisionOf(end) + (direction === 'forwards' ? 1 : -1);
    if (next < 0) break;
  }
  return { events, lastRevision: last ?? (await lastRevision(connection, stream, deadlineMs())) };
};

/** -1 when the stream has none. */
export const lastRevision = async (connection: Connection, stream: string, deadlineMs: number): Promise<number> => {
  const page = await readPage(connection, streamRequest(stream, 'last', 1, 'backwards'), deadlineMs);
  const [event] = page ?? [];
  return event ? revisionOf(event) : -1;
};
