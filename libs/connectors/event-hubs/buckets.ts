import { hash } from 'node:crypto';

/**
 * A batch has one partition key, so keys are hashed to this many: enough to use the 32 partitions of the standard tier, few
 * enough that batches are filled. Another number moves keys to other partitions, and for a moment out of their order.
 */
export const BUCKETS = 64;

/** The partition key of all records of a key, the same at every time and in every process. */
export const bucketOf = (key: string): string => `waybill-${hash('sha256', key, 'buffer').readUInt32BE(0) % BUCKETS}`;
