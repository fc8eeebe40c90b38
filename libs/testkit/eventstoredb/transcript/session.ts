import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AppendResult,
  BACKWARDS,
  END,
  EventStoreDBClient,
  isCommandError,
  jsonEvent,
  type JSONType,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';

/** One thing asked of a server through the genuine client; what it answers, or how it refuses, in stable words. */
export type Question = (session: Session) => Promise<unknown>;
export type Questions = Readonly<Record<string, Question>>;

export interface Session {
  readonly client: EventStoreDBClient;
  /** A name that nobody had before. */
  stream(): string;
  /** The beginning of names that nobody had before, without a dash. */
  prefix(): string;
}

/** A client that appends through `Streams/Append`: the answers were recorded that way. */
export const openSession = (url: string): Session & { close(): Promise<void> } => {
  const client = EventStoreDBClient.connectionString(url);
  const inside = client as unknown as { supports(method: { path: string }, feature?: string): Promise<boolean> };
  const { supports } = inside;
  inside.supports = async (method, feature) => !method.path.endsWith('/BatchAppend') && supports(method, feature);
  const run = randomUUID().slice(0, 8);
  let count = 0;
  return {
    client,
    stream: () => `case${run}-${(count += 1)}`,
    prefix: () => `prefix${run}x${(count += 1)}x`,
    close: () => client.dispose(),
  };
};

/** Names and times differ from run to run. */
export const inStableWords = (value: unknown): unknown => {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return value.replaceAll(/case[0-9a-f]{8}-\d+/g, '<stream>');
  if (value instanceof Date) return 'a date';
  if (value instanceof Uint8Array) return { bytes: [...value] };
  if (Array.isArray(value)) return value.map(inStableWords);
  if (typeof value !== 'object' || value === null) return value;
  const told = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(told.map(([name, member]) => [name, inStableWords(member)]));
};

const FACTS_OF_AN_ERROR = ['streamName', 'expectedVersion', 'actualVersion', 'maxAppendSize', 'groupName', 'reason'];

const failure = (error: unknown): Record<string, unknown> => {
  const facts = error as Record<string, unknown>;
  return {
    error: isCommandError(error as Error) ? (error as Error).constructor.name : `raw ${String(error)}`,
    type: facts['type'],
    code: facts['code'],
    ...Object.fromEntries(FACTS_OF_AN_ERROR.map((name) => [name, facts[name]])),
  };
};

/** A refusal is an answer as well. */
export const attempt = async (work: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await work();
  } catch (error) {
    return failure(error);
  }
};

export const event = (type = 'Happened', data: JSONType = { n: 1 }) => jsonEvent({ type, data });

export const events = (count: number, type?: string) => Array.from({ length: count }, (_, i) => event(type, { i }));

export const appended = ({ success, nextExpectedRevision, position }: AppendResult) => ({
  success,
  nextExpectedRevision,
  position: position ? 'given' : 'none',
});

export const collect = async (items: AsyncIterable<ResolvedEvent>): Promise<ResolvedEvent[]> => {
  const all: ResolvedEvent[] = [];
  for await (const item of items) all.push(item);
  return all;
};

/**
 * The first so many events of one stream among those of `$all`, which others may be writing to at the same time, as they do
 * where one genuine server serves several specs.
 */
export const firstOf = async (
  items: StreamingRead<ResolvedEvent>,
  stream: string,
  count: number,
): Promise<ResolvedEvent[]> => {
  const found: ResolvedEvent[] = [];
  for await (const item of items) {
    if (item.event?.streamId === stream) found.push(item);
    if (found.length === count) break;
  }
  await items.cancel(); // to leave the loop ends the stream here, but not the call
  return found;
};

/** The last so many, newest first. */
export const lastOf = ({ client }: Session, stream: string, count: number): Promise<ResolvedEvent[]> =>
  firstOf(client.readAll({ direction: BACKWARDS, fromPosition: END }), stream, count);

export const word = (item: ResolvedEvent): string =>
  item.event ? `${item.event.revision}:${item.event.type}` : 'no event';

export const seen = async (items: AsyncIterable<ResolvedEvent>): Promise<string[]> => (await collect(items)).map(word);

/** What the subscriptions of the client have in common. */
interface Subscription extends NodeJS.EventEmitter {
  unsubscribe(): Promise<void>;
}

export interface Watch {
  /** What came so far: events as `revision:type`, errors, and the rest by its name. */
  readonly words: string[];
  readonly errors: Record<string, unknown>[];
  readonly items: ResolvedEvent[];
  until(done: (words: readonly string[]) => boolean): Promise<void>;
  /** Waits for so many events. */
  counts(count: number): Promise<void>;
  /** Waits a little for what should not come, ends it, and answers the words. */
  stop(lingerMs?: number): Promise<string[]>;
}

const WATCH_MS = 15_000;

export const watch = (subscription: Subscription): Watch => {
  const words: string[] = [];
  const errors: Record<string, unknown>[] = [];
  const items: ResolvedEvent[] = [];
  subscription.on('data', (item: ResolvedEvent) => {
    items.push(item);
    words.push(word(item));
  });
  subscription.on('error', (error: unknown) => {
    errors.push(failure(error));
    words.push(`error ${String((error as { type?: unknown }).type)}`);
  });
  for (const name of ['end', 'confirmation', 'caughtUp', 'fellBehind']) {
    subscription.on(name, () => words.push(name));
  }
  const until: Watch['until'] = async (done) => {
    for (const end = Date.now() + WATCH_MS; Date.now() < end && !done(words);) await sleep(20);
  };
  return {
    words,
    errors,
    items,
    until,
    counts: (count) => until(() => items.length >= count),
    stop: async (lingerMs = 0) => {
      await sleep(lingerMs);
      await subscription.unsubscribe().catch(() => undefined); // it is over already
      await until(() => words.some((word) => word === 'end' || word.startsWith('error ')));
      await sleep(20);
      return words;
    },
  };
};

export const isCaughtUp = (words: readonly string[]): boolean => words.includes('caughtUp');
