import { setTimeout as delay } from 'node:timers/promises';

/** Wakes one waiting loop; rung while nobody waits, it is heard by the next wait. */
export interface Bell {
  readonly ring: () => void;
  wait(atMostMs: number): Promise<void>;
}

export const createBell = (): Bell => {
  let rung = false;
  let wake = (): void => undefined;
  return {
    ring: () => {
      rung = true;
      wake();
    },
    async wait(atMostMs) {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, atMostMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      rung = false;
    },
  };
};

/** Milliseconds to wait after the `failures`-th failure in a row: doubled each time, and spread so that many do not return at once. */
export const backoff = (failures: number, firstMs: number, longestMs: number): number =>
  Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);

/** Sleeps, or less when the signal is aborted. */
export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
