import type { EventOutcome } from '@waybill/connectors';
import { backoffMs, RETRY_POLICY, type RetryPolicy } from './retry.js';

/**
 * Slows one destination down when its partner throttles: after a request the next one waits, the longer the more of its
 * records were put off, and twice as long after each request in a row that was mostly throttled.
 */
export class Pace {
  private streak = 0;
  private until = 0;
  /** All the time that requests had to wait so far. */
  throttledMs = 0;

  constructor(private readonly policy: Pick<RetryPolicy, 'firstMs' | 'longestMs'> = RETRY_POLICY) {}

  heard(outcomes: readonly EventOutcome[], now: number): void {
    const throttled = outcomes.filter((outcome) => !outcome.sent && outcome.kind === 'throttled');
    const part = throttled.length / outcomes.length;
    this.streak = part > 0.5 ? this.streak + 1 : 0;
    if (throttled.length === 0) return;
    const asked = Math.max(0, ...throttled.map((outcome) => (outcome.sent ? 0 : (outcome.waitMs ?? 0))));
    const pause = part * Math.max(asked, backoffMs(Math.max(1, this.streak), this.policy));
    const until = Math.max(this.until, now + pause);
    this.throttledMs += until - Math.max(this.until, now);
    this.until = until;
  }

  /** Milliseconds until the next request may go out. */
  waitMs(now: number): number {
    return Math.max(0, this.until - now);
  }

  get throttled(): boolean {
    return this.streak > 0;
  }
}
