import pg from 'pg';

/**
 * LISTEN on one connection, for any number of listeners; reconnects by itself. A hint only: notifications are lost while
 * it is away, so whoever waits must poll as well.
 */
export interface Wakeups {
  on(channel: string, listener: () => void): () => void;
  close(): Promise<void>;
}

const RECONNECT_MS = 500;
const CHANNEL = /^[a-z][a-z0-9_]*$/;

export const openWakeups = (url: string): Wakeups => {
  const listeners = new Map<string, Set<() => void>>();
  let client: pg.Client | undefined;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  const wakeAll = () => listeners.forEach((set) => set.forEach((listener) => listener()));

  const lost = () => {
    client = undefined;
    if (!closed) retry = setTimeout(() => void connect(), RECONNECT_MS).unref();
  };

  const connect = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: url, application_name: 'waybill wake-ups', keepAlive: true });
    next.on('error', () => undefined);
    next.on('end', lost);
    next.on('notification', ({ channel }) => listeners.get(channel)?.forEach((listener) => listener()));
    try {
      await next.connect();
      client = next;
      for (const channel of listeners.keys()) await next.query(`listen ${channel}`);
      wakeAll(); // whatever happened while nobody listened
    } catch {
      // A failed connect emits no `end` when the socket never opened; polling carries on meanwhile.
      if (client === undefined) lost();
    }
  };

  const first = connect();

  return {
    on(channel, listener) {
      if (!CHANNEL.test(channel)) throw new Error(`not a channel name: ${channel}`);
      const set = listeners.get(channel) ?? new Set();
      if (set.size === 0) {
        listeners.set(channel, set);
        void client?.query(`listen ${channel}`).catch(() => undefined);
      }
      set.add(listener);
      return () => void set.delete(listener);
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      await first;
      await client?.end();
    },
  };
};
