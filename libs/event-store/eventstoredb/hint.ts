import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.js';
import { type LogFilter, subscriptionRequest } from './requests.js';
import { read } from './reader.js';
import type { Observe } from './tries.js';

export interface Hint {
  on(listener: () => void): () => void;
  close(): void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** A subscription that lived so long is no sign of trouble; one that was only confirmed may be. */
const LONG_LIVED_MS = 5_000;

/**
 * One live subscription from the end of the log that wakes readers, and does nothing else: they read by themselves, so
 * whatever becomes of it costs no event. The client never brings a subscription back, and a server drops one that reads
 * slowly, so it is renewed here, for ever; then everybody is woken, since something may have come in between.
 */
export const createHint = (connection: Connection, filter: LogFilter, observe: Observe): Hint => {
  const listeners = new Set<() => void>();
  const over = new AbortController();
  let running: Promise<void> | undefined;
  let failures = 0;

  const wake = (): void => listeners.forEach((listener) => listener());

  const listen = (): Promise<void> =>
    read(connection, subscriptionRequest('end', filter), { deadlineMs: Infinity, signal: over.signal }, (answer) => {
      if (answer.hasEvent()) failures = 0;
      // A confirmation as well: what came before it was not heard.
      if (answer.hasEvent() || answer.hasConfirmation()) wake();
      return 'more';
    });

  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const began = performance.now();
      const ended: unknown = await listen().then(
        () => new Error('The server ended the subscription.'),
        (error: unknown) => error,
      );
      if (over.signal.aborted) return;
      observe({ kind: 'hint-renewed', error: ended });
      if (performance.now() - began > LONG_LIVED_MS) failures = 0;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS) * (0.5 + Math.random());
      failures += 1;
      await sleep(pause, undefined, { signal: over.signal }).catch(() => undefined); // the loop looks
    }
  };

  return {
    on(listener) {
      // A wrapper, since the same function may listen twice.
      const mine = (): void => listener();
      listeners.add(mine);
      running ??= run();
      return () => void listeners.delete(mine);
    },
    close() {
      over.abort();
      listeners.clear();
    },
  };
};
