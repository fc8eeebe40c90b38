import type { EventOutcome } from '@waybill/connectors';

/** How long a record is tried before it becomes a dead letter. */
export interface RetryPolicy {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Answers `failed` that a record may have. */
  readonly attempts: number;
  /** How long a record may be put off by throttling, while others are accepted. */
  readonly patienceMs: number;
}

/** About a minute of tries for what fails, a quarter of an hour for what is throttled. */
export const RETRY_POLICY: RetryPolicy = { firstMs: 50, longestMs: 20_000, attempts: 12, patienceMs: 900_000 };

/** Milliseconds after the `failures`-th failure in a row, spread over the upper half so that many do not return at once. */
export const backoffMs = (
  failures: number,
  { firstMs, longestMs }: Pick<RetryPolicy, 'firstMs' | 'longestMs'>,
  random: () => number = Math.random,
): number => Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random() / 2);

/** What a record has been through. */
export interface Trials {
  /** Requests that it was in and that were answered. */
  readonly attempts: number;
  readonly failures: number;
  /** When it was first put off, in milliseconds of a monotonic clock. */
  readonly putOffSince: number | undefined;
}

export type Verdict =
  | { readonly next: 'settled' }
  | { readonly next: 'retry'; readonly afterMs: number }
  | { readonly next: 'give-up'; readonly code: string; readonly message: string };

/**
 * What comes next for a record after an answer; `trials` count that answer already. A partner that accepts nothing at all is
 * away or throttles everybody: then nothing is given up for being throttled.
 */
export const judge = (
  outcome: EventOutcome,
  { attempts, failures, putOffSince }: Trials,
  { now, lastAccepted }: { readonly now: number; readonly lastAccepted: number },
  policy: RetryPolicy = RETRY_POLICY,
): Verdict => {
  if (outcome.sent) return { next: 'settled' };
  const { kind, code, message, waitMs = 0 } = outcome;
  const since = putOffSince ?? now;
  const hopeless =
    kind === 'refused' ||
    (kind === 'failed' && failures >= policy.attempts) ||
    (kind === 'throttled' && now - since >= policy.patienceMs && lastAccepted > since);
  if (hopeless) return { next: 'give-up', code, message };
  return { next: 'retry', afterMs: Math.max(waitMs, backoffMs(attempts, policy)) };
};
