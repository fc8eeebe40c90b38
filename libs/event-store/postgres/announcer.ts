import type { Database } from '@waybill/postgres';

/** Says when listeners of the log are to be told of an append: at once, but in a burst not of each. */
export interface Announcer {
  /** True when the append about to be made shall tell; else a later one will, or the announcer itself. */
  isDue(): boolean;
  close(): Promise<void>;
}

/** Waking every listener costs more than the append itself, and once woken they read all there is. */
const PAUSE_MS = 10;

export const createAnnouncer = (database: Database): Announcer => {
  let last = -Infinity;
  let later: NodeJS.Timeout | undefined;
  let announcing: Promise<unknown> = Promise.resolve();

  const told = (): void => {
    last = performance.now();
    clearTimeout(later);
    later = undefined;
  };

  const announce = (): void => {
    told();
    announcing = database.pool.query('select announce()').catch(() => undefined); // a hint: listeners poll as well
  };

  return {
    isDue() {
      const wait = last + PAUSE_MS - performance.now();
      if (wait > 0) later ??= setTimeout(announce, wait);
      else told();
      return wait <= 0;
    },
    async close() {
      if (later !== undefined) announce();
      await announcing;
    },
  };
};
