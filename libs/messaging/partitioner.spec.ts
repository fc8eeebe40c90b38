import { murmur2, partitionOf } from './partitioner.js';

// The vectors of Apache Kafka's own UtilsTest.testMurmur2.
const VECTORS: readonly (readonly [string, number])[] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
];

describe('partitioner', () => {
  it.each(VECTORS)('hashes %s as the Java client of Kafka does', (text, hash) => {
    expect(murmur2(new TextEncoder().encode(text))).toBe(hash);
  });

  it('gives a partition in range, the same for the same key, and uses all of them', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 500; i++) {
      const partition = partitionOf(`acme/prod/account-${i}`, 6);
      expect(partition).toBe(partitionOf(`acme/prod/account-${i}`, 6));
      seen.add(partition);
    }
    expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
