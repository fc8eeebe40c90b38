import { setTimeout as sleep } from 'node:timers/promises';
import { meaningOf } from './meaning.js';

/** What goes on below the port, to be counted. */
export type Incident =
  | { readonly kind: 'retry'; readonly doing: string; readonly error: unknown }
  | { readonly kind: 'hint-renewed'; readonly error: unknown };

export type Observe = (incident: Incident) => void;

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

/** The tries of one call of the port: as many as its deadline allows, since the choice of a new leader takes seconds. */
export interface Tries {
  /** For the next call: a part of what is left, so that an answer that was lost leaves time for another. */
  deadlineMs(): number;
  /** Kept back for a look at what became of them. */
  readonly lastLookMs: number;
  /** Waits, and says whether there is another try. */
  again(error: unknown): Promise<boolean>;
}

export const startTries = (doing: string, deadlineMs: number, observe: Observe): Tries => {
  const lastLookMs = deadlineMs / 5;
  const end = performance.now() + deadlineMs - lastLookMs;
  let tried = 0;
  return {
    lastLookMs,
    deadlineMs: () => Math.max(1, Math.min(deadlineMs / 3, end - performance.now())),
    async again(error) {
      tried += 1;
      const pause = Math.min(FIRST_PAUSE_MS * 2 ** (tried - 1), LONGEST_PAUSE_MS) * (0.5 + Math.random());
      if (performance.now() + pause >= end) return false;
      observe({ kind: 'retry', doing, error });
      await sleep(pause);
      return true;
    },
  };
};

/** For what may be asked twice: tries until there is an answer, or a refusal, or no time. */
export const tryAgain = async <Answer>(
  tries: Tries,
  once: (deadlineMs: () => number) => Promise<Answer>,
): Promise<Answer> => {
  for (;;) {
    try {
      return await once(tries.deadlineMs);
    } catch (error) {
      if (meaningOf(error) === 'refused' || !(await tries.again(error))) throw error;
    }
  }
};
