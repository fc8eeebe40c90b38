import { once } from 'node:events';
import pg from 'pg';
import { backoff, pause } from './pacing.js';

/**
 * LISTEN on one connection, for any number of listeners; reconnects by itself. A hint only: notifications are lost while
 * it is away, so whoever waits must poll as well.
 */
export interface Wakeups {
  on(channel: string, listener: () => void): () => void;
  close(): Promise<void>;
}

const CHANNEL = /^[a-z][a-z0-9_]*$/;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5_000;

export const openWakeups = (url: string): Wakeups => {
  const listeners = new Map<string, Set<() => void>>();
  const over = new AbortController();
  /** The connection of now; it is listening once that is true. */
  let client: pg.Client | undefined;
  let listening = false;
  /** One statement at a time: a connection takes no second query before it has answered the first. */
  let statements: Promise<unknown> = Promise.resolve();

  /** A statement that fails means a connection that ends; the next connection listens to everything. */
  const listen = (connection: pg.Client, channel: string): Promise<unknown> =>
    (statements = statements.then(() => connection.query(`listen ${channel}`)).catch(() => undefined));

  const wakeAll = (): void => listeners.forEach((set) => set.forEach((wake) => wake()));

  const listenUntilLost = async (connection: pg.Client): Promise<void> => {
    const ended = once(connection, 'end');
    // A connection that is ended while it is still being made settles nothing but its end.
    await Promise.race([connection.connect(), ended]);
    listening = true;
    await Promise.all([...listeners.keys()].map((channel) => listen(connection, channel)));
    wakeAll(); // whatever happened while nobody listened
    await ended;
  };

  const run = async (): Promise<void> => {
    let failures = 0;
    while (!over.signal.aborted) {
      client = new pg.Client({
        connectionString: url,
        application_name: 'waybill wake-ups',
        connectionTimeoutMillis: 10_000,
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
      });
      client.on('error', () => undefined); // its end follows
      client.on('notification', ({ channel }) => listeners.get(channel)?.forEach((wake) => wake()));
      const since = Date.now();
      await listenUntilLost(client).catch(() => client?.end().catch(() => undefined));
      listening = false;
      failures = Date.now() - since > LONGEST_RETRY_MS ? 1 : failures + 1;
      await pause(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), over.signal);
    }
  };

  const running = run();

  return {
    on(channel, listener) {
      if (!CHANNEL.test(channel)) throw new Error(`not a channel name: ${channel}`);
      const set = listeners.get(channel) ?? new Set();
      if (!listeners.has(channel)) {
        listeners.set(channel, set);
        if (listening && client) void listen(client, channel);
      }
      set.add(listener);
      return () => void set.delete(listener);
    },
    async close() {
      over.abort();
      await client?.end().catch(() => undefined);
      await running;
    },
  };
};
