import { within } from '@waybill/kernel';

/** Resolves as `work` does, or rejects when the time is over first. What is late goes on all the same. */
export const withinDeadline = <T>(work: Promise<T>, ms: number): Promise<T> =>
  within(ms, work, () => new Error(`no answer within ${ms / 1000} s`));
