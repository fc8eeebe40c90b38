import { setTimeout as sleep } from 'node:timers/promises';

const HOUR_MS = 3_600_000;

/** Runs of streams are an hour's each: a test that asks for the counts of one begins when the hour has a minute left at least. */
export const untilHourHasAMinuteLeft = async (): Promise<void> => {
  const left = HOUR_MS - (Date.now() % HOUR_MS);
  if (left < 60_000) await sleep(left + 1_000);
};
