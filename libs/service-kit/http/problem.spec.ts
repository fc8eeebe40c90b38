import { WaybillError } from '@waybill/kernel';
import { retryAfterOf } from './problem.js';

describe('Retry-After', () => {
  it('is said with whatever is away, also where nobody knows for how long', () => {
    expect(retryAfterOf(new WaybillError('partner-unavailable', 'unavailable', 'The partner is away.'))).toBe(2);
    const known = { retryAfterSeconds: 7 };
    expect(retryAfterOf(new WaybillError('partner-unavailable', 'unavailable', 'The partner is away.', known))).toBe(7);
  });

  it('is not said where trying again changes nothing', () => {
    expect(retryAfterOf(new WaybillError('account-not-found', 'not-found', 'There is none.'))).toBeUndefined();
  });
});
