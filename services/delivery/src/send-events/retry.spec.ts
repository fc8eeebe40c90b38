import type { EventOutcome } from '@waybill/connectors';
import { judge, RETRY_POLICY, Trials } from './retry.js';

const answer = (kind: 'throttled' | 'failed' | 'refused'): EventOutcome => ({
  sent: false,
  code: 'c',
  message: 'm',
  kind,
});
const { attempts, longestMs, patienceMs } = RETRY_POLICY;

describe('What a record has been through', () => {
  it('counts against it only while the partner accepts others in between', () => {
    const trials = new Trials();
    for (let n = 0; n < 10 * attempts; n += 1) trials.heard(answer('failed'), n * 1_000, -Infinity);
    expect(judge(answer('failed'), trials).next).toBe('retry');
    for (let n = 1; n <= attempts; n += 1) {
      expect(judge(answer('failed'), trials).next).toBe('retry');
      trials.heard(answer('failed'), 1e6 + n * 1_000, 1e6 + n * 1_000 - 1);
    }
    expect(judge(answer('failed'), trials).next).toBe('give-up');
  });

  it('counts no time against it that the partner was away, though it accepted others before and after', () => {
    const trials = new Trials();
    trials.heard(answer('throttled'), 1_000, 0);
    const later = 1_000 + 10 * patienceMs;
    trials.heard(answer('throttled'), later, later - 1);
    expect(judge(answer('throttled'), trials).next).toBe('retry');
    for (let n = 1; n * longestMs <= patienceMs; n += 1) {
      trials.heard(answer('throttled'), later + n * longestMs, later + n * longestMs - 1);
    }
    expect(judge(answer('throttled'), trials).next).toBe('give-up');
  });

  it('is nothing that matters once it is refused', () => {
    expect(judge(answer('refused'), new Trials()).next).toBe('give-up');
  });
});
