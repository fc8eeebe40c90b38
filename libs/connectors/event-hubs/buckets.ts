/**
 * A batch has one partition key, so keys are hashed to this many: enough to use the 32 partitions of the standard tier, few
 * enough that batches are filled. Another number moves keys to other partitions, and for a moment out of their order.
 */
export const BUCKETS = 64;

/** FNV-1a, of 32 bits: spread is all that is asked of it, once for each record. */
const hashOf = (key: string): number => {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  return hash >>> 0;
};

/** The partition key of all records of a key, the same at every time and in every process. */
export const bucketOf = (key: string): string => `waybill-${hashOf(key) % BUCKETS}`;
