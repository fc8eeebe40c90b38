const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** Murmur2 as Kafka's Java client computes it (org.apache.kafka.common.utils.Utils.murmur2): a signed 32-bit number. */
export const murmur2 = (bytes: Uint8Array): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~3;
  let h = SEED ^ bytes.length;
  for (let at = 0; at < whole; at += 4) {
    let k = Math.imul(view.getInt32(at, true), M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = bytes.subarray(whole);
  if (rest.length > 0) {
    for (const [index, byte] of rest.entries()) h ^= byte << (8 * index);
    h = Math.imul(h, M);
  }
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
};

/** The partition that Kafka's default partitioner gives a message with this key. */
export const partitionOf = (key: string, partitions: number): number =>
  (murmur2(new TextEncoder().encode(key)) & 0x7fffffff) % partitions;
