import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSink } from '@waybill/connectors';
import { DestinationSender, type SenderObserver } from '../destination-sender.js';
import type { Feed } from '../feed.js';
import { SENDER_LIMITS, type SenderLimits } from '../limits.js';
import type { MemoryLedger } from './memory-feed.js';

/** Small and quick; a record has many tries. */
export const LIMITS: SenderLimits = {
  ...SENDER_LIMITS,
  records: { live: 40, slow: 20 },
  page: 20,
  pollMs: 2,
  settleMs: 2,
  settleIdleMs: 2,
  away: { firstMs: 1, longestMs: 4 },
  retry: { firstMs: 1, longestMs: 4, attempts: 1_000, patienceMs: 60_000 },
};

export const QUIET: SenderObserver = {
  sent: () => undefined,
  retried: () => undefined,
  throttled: () => undefined,
  givenUp: () => undefined,
  troubled: () => undefined,
};

export const openTenure = () => {
  const controller = new AbortController();
  return { end: () => controller.abort(), signal: controller.signal, isOver: () => controller.signal.aborted };
};

export const senderFor = (
  partner: { open(): EventSink | Promise<EventSink> },
  ledger: Pick<MemoryLedger, 'settle'>,
  feeds: readonly Feed[],
  { limits = LIMITS, tenure = openTenure(), observer = QUIET } = {},
): DestinationSender =>
  new DestinationSender(
    { openSink: async () => partner.open(), settle: ledger.settle, tenure, observer, limits },
    feeds,
  );

export const until = async (holds: () => boolean, ms = 15_000): Promise<void> => {
  const deadline = Date.now() + ms;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come about in time');
    await sleep(2);
  }
};
