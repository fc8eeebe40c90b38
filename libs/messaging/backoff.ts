import { setTimeout as delay } from 'node:timers/promises';

const LONGEST_MS = 10_000;

/** Milliseconds to wait after the `failures`-th failure in a row: doubled each time, between half and all of it, so that many do not come back at once. */
export const backoff = (failures: number, firstMs: number, longestMs = LONGEST_MS): number => {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return full / 2 + (Math.random() * full) / 2;
};

/** Sleeps, or less when the signal is aborted. Never rejects. */
export const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await delay(ms, undefined, { signal }).catch(() => undefined);
};
