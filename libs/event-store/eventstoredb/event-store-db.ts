import { storeUnavailable } from '../failures.js';
import { checkExpected, checkStream, encodeEvents } from '../new-events.js';
import { checkPageSize, DEFAULT_PAGE } from '../pages.js';
import type { EventStore, Position } from '../port.js';
import { checkPosition, comparePositions } from '../positions.js';
import { readAddress } from './address.js';
import { openConnection } from './connection.js';
import { createHint } from './hint.js';
import { meaningOf, refusalOf } from './meaning.js';
import { readHead, readLogSlice, START } from './read-log.js';
import { readStreamSlice } from './read-stream.js';
import type { LogFilter } from './requests.js';
import { type Observe, startTries, type Tries, tryAgain } from './tries.js';
import { write } from './writer.js';

export interface EventStoreDbOptions {
  /**
   * `esdb://user:password@host:2113?tlsCAFile=/path` or `esdb+discover://…`; `tls=false` without user. See `readAddress`.
   */
  readonly url: string;
  /**
   * The categories of this log, where several share one EventStoreDB: `readAll` answers them when it is asked for none, and
   * only they wake. All events but those of the server when left out.
   */
  readonly categories?: readonly string[];
  /** Of every call of the port, kept on this side, retries included. Default 10 s. */
  readonly deadlineMs?: number;
  /** Told of retries and of renewed subscriptions, for metrics. */
  readonly observe?: Observe;
  /** Bytes of the log from which on a reader is far behind (`LogQuestion`). Default 64 MiB. */
  readonly farBehind?: number;
}

export interface EventStoreDb extends EventStore {
  /** Rejects, with what is wrong, when the server does not answer. */
  checkHealth(): Promise<void>;
}

const FAR_BEHIND = 64 * 1024 * 1024;

/** Who asks for health does not wait long. */
const HEALTH_MS = 2_000;

/**
 * The event log in EventStoreDB. Throws `event-store-address-malformed` and, as it asks the server where its log ends,
 * `event-store-unavailable`. It has a connection of its own, which `close` closes.
 */
export const openEventStoreDb = async (options: EventStoreDbOptions): Promise<EventStoreDb> => {
  const { url, categories: own, deadlineMs = 10_000, observe = () => undefined, farBehind = FAR_BEHIND } = options;
  const connection = openConnection(readAddress(url));
  const hint = createHint(connection, filterOf(own), observe);
  const writing = new Set<Promise<unknown>>();

  /** For what may be asked twice. */
  const reading = async <Answer>(
    doing: string,
    once: (deadlineMs: () => number) => Promise<Answer>,
    { stream = '$all', withinMs = deadlineMs } = {},
  ): Promise<Answer> => {
    try {
      return await tryAgain(startTries(doing, withinMs, observe), once);
    } catch (error) {
      throw meaningOf(error) === 'refused' ? refusalOf(error, stream) : storeUnavailable(error);
    }
  };

  const whileOpen = async <Answer>(doing: string, work: (tries: Tries) => Promise<Answer>): Promise<Answer> => {
    const result = work(startTries(doing, deadlineMs, observe));
    const settled = result.catch(() => undefined).finally(() => writing.delete(settled));
    writing.add(settled);
    return result;
  };

  const head = async (withinMs = deadlineMs): Promise<Position> =>
    (await reading('reading the head', (left) => readHead(connection, left()), { withinMs })).position;

  const close = async (): Promise<void> => {
    await Promise.all(writing);
    hint.close();
    connection.close();
  };

  try {
    await head();
  } catch (error) {
    await close();
    throw error;
  }

  return {
    start: START,
    compare: comparePositions,
    head: () => head(),
    close,

    async append(stream, events, { expected }) {
      const encoded = encodeEvents(stream, events);
      checkExpected(expected);
      return whileOpen('appending', (tries) => write(connection, stream, encoded, expected, tries));
    },

    async readStream(stream, { from, max = DEFAULT_PAGE, direction = 'forwards' } = {}) {
      checkStream(stream);
      checkPageSize(max);
      const question = { stream, from: from ?? (direction === 'forwards' ? 0 : ('last' as const)), max, direction };
      return reading('reading a stream', (left) => readStreamSlice(connection, question, left), { stream });
    },

    async readAll(after, { categories = own, max = DEFAULT_PAGE } = {}) {
      checkPosition(after);
      checkPageSize(max);
      const question = { after, max, farBehind, filter: filterOf(categories) };
      return reading('reading the log', (left) => readLogSlice(connection, question, left));
    },

    onAppended: (listener) => hint.on(listener),

    checkHealth: async () => void (await head(Math.min(HEALTH_MS, deadlineMs))),
  };
};

/** `<category>-<id>`: the dash belongs to the beginning, so that no category is taken for another that begins alike. */
const filterOf = (categories: readonly string[] | undefined): LogFilter =>
  categories === undefined ? 'no-system-events' : { prefixes: categories.map((category) => `${category}-`) };
