import type { EventOutcome } from '@waybill/connectors';

/** How long a record is tried before it becomes a dead letter. */
export interface RetryPolicy {
  readonly firstMs: number;
  readonly longestMs: number;
  /** Answers `failed` that a record may have while others are accepted. */
  readonly attempts: number;
  /** How long a record may be put off by throttling while others are accepted. */
  readonly patienceMs: number;
}

/** About a minute of tries for what fails, a quarter of an hour for what is throttled; while others are accepted. */
export const RETRY_POLICY: RetryPolicy = { firstMs: 50, longestMs: 20_000, attempts: 12, patienceMs: 900_000 };

/** Milliseconds after the `failures`-th failure in a row, spread over the upper half so that many do not return at once. */
export const backoffMs = (
  failures: number,
  { firstMs, longestMs }: Pick<RetryPolicy, 'firstMs' | 'longestMs'>,
  random: () => number = Math.random,
): number => Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.5 + random() / 2);

/**
 * What a record has been through. Only what befalls it while the partner accepts others counts against it: a partner that
 * accepts nothing at all is away, or throttles everybody, and no record is to blame for that.
 */
export class Trials {
  /** Requests that it was in and that were answered. */
  attempts = 0;
  failures = 0;
  /** Milliseconds that throttling has put it off. */
  putOffMs = 0;
  private answeredAt = -Infinity;

  /** Counts an answer; `lastAccepted` is when the partner last accepted any record. Times are of a monotonic clock. */
  heard(outcome: EventOutcome, now: number, lastAccepted: number, { longestMs }: RetryPolicy = RETRY_POLICY): void {
    this.attempts += 1;
    if (this.othersPassed(lastAccepted) && !outcome.sent) {
      if (outcome.kind === 'failed') this.failures += 1;
      // Longer than a pause between tries is what it waited for a partner that was away.
      if (outcome.kind === 'throttled' && this.attempts > 1) {
        this.putOffMs += Math.min(longestMs, now - this.answeredAt);
      }
    }
    this.answeredAt = now;
  }

  /** Whether any record was accepted since the last answer about this one; before its first answer, whether ever. */
  othersPassed(lastAccepted: number): boolean {
    return lastAccepted > this.answeredAt;
  }
}

export type Verdict =
  | { readonly next: 'settled' }
  | { readonly next: 'retry'; readonly afterMs: number }
  | { readonly next: 'give-up'; readonly code: string; readonly message: string };

/** What comes next for a record after an answer; `trials` count that answer already. */
export const judge = (
  outcome: EventOutcome,
  { attempts, failures, putOffMs }: Trials,
  policy: RetryPolicy = RETRY_POLICY,
): Verdict => {
  if (outcome.sent) return { next: 'settled' };
  const { kind, code, message, waitMs = 0 } = outcome;
  const hopeless =
    kind === 'refused' ||
    (kind === 'failed' && failures >= policy.attempts) ||
    (kind === 'throttled' && putOffMs >= policy.patienceMs);
  if (hopeless) return { next: 'give-up', code, message };
  return { next: 'retry', afterMs: Math.max(waitMs, backoffMs(attempts, policy)) };
};
