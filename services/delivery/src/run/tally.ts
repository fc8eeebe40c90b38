import type { RunCounts } from '@waybill/contracts';
import type { Tally } from './events.js';

export const NO_TALLY: Tally = {
  counts: { read: 0, written: 0, skipped: 0, failed: 0, exited: 0 },
  skippedBecause: {},
};

const addCounts = (a: RunCounts, b: RunCounts): RunCounts => ({
  read: a.read + b.read,
  written: a.written + b.written,
  skipped: a.skipped + b.skipped,
  failed: a.failed + b.failed,
  exited: a.exited + b.exited,
});

export const addTally = (a: Tally, b: Tally): Tally => {
  const skippedBecause = { ...a.skippedBecause };
  for (const [reason, count] of Object.entries(b.skippedBecause)) {
    skippedBecause[reason] = (skippedBecause[reason] ?? 0) + count;
  }
  return { counts: addCounts(a.counts, b.counts), skippedBecause };
};
