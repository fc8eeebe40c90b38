import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 50;

/** Asks until the answer is as wanted, and answers it; what other services tell each other may lag a little. */
export const eventually = async <T>(
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
  withinMs = 15_000,
): Promise<T> => {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    if (Date.now() > deadline) {
      throw new Error(`This was still not so after ${withinMs / 1000} s: ${JSON.stringify(answer)}`);
    }
    await sleep(EVERY_MS);
  }
};
