import { BUCKETS, bucketOf } from './buckets.js';

it('a key is in the same bucket for ever: another would lead it out of its order', () => {
  expect(['ann', 'bob', 'Käufer 名'].map(bucketOf)).toEqual(['waybill-24', 'waybill-20', 'waybill-41']);
});

it('keys are spread evenly over all buckets', () => {
  const counts = new Map<string, number>();
  for (let n = 0; n < BUCKETS * 1_000; n += 1) {
    const bucket = bucketOf(`profile-${n}`);
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  }
  expect(counts.size).toBe(BUCKETS);
  expect(Math.min(...counts.values())).toBeGreaterThan(850);
  expect(Math.max(...counts.values())).toBeLessThan(1_150);
});
