import type { Priority } from './feed.js';
import { RETRY_POLICY, type RetryPolicy } from './retry.js';

export interface SenderLimits {
  /** Requests at once; the first of them also takes what is in the slow lane. */
  readonly requests: number;
  /** Records and bytes that a lane may hold unsettled; a page more may come on top. */
  readonly records: Readonly<Record<Priority, number>>;
  readonly bytes: Readonly<Record<Priority, number>>;
  /** Records that are read at once, at most. */
  readonly page: number;
  /** How long a feed that has no more rests before it is asked again. */
  readonly pollMs: number;
  /** How often settled pages are kept, and how often a position that moved past nothing of interest. */
  readonly settleMs: number;
  readonly settleIdleMs: number;
  /** After which a request that was not answered counts as lost. */
  readonly requestMs: number;
  /** Pauses while the partner, or what we read from, is away. */
  readonly away: Pick<RetryPolicy, 'firstMs' | 'longestMs'>;
  readonly retry: RetryPolicy;
}

export const SENDER_LIMITS: SenderLimits = {
  requests: 4,
  records: { live: 6_000, slow: 2_000 },
  bytes: { live: 24 << 20, slow: 8 << 20 },
  page: 2_000,
  pollMs: 150,
  settleMs: 200,
  settleIdleMs: 2_000,
  requestMs: 60_000,
  away: { firstMs: 500, longestMs: 30_000 },
  retry: RETRY_POLICY,
};
