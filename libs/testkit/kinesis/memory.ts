import { createHash } from 'node:crypto';
import { KinesisError } from './kinesis-error.js';
import type { Store } from './store.js';

const HASH_KEYS = 1n << 128n;

const hashOf = (partitionKey: string): bigint => BigInt(`0x${createHash('md5').update(partitionKey).digest('hex')}`);

/** Takes records and numbers them, without keeping them: fast enough to measure a client on, and open to large ones. */
export const createMemoryStore = (): Store => {
  const streams = new Map<string, { readonly shards: number; sequence: bigint }>();
  const streamNamed = (name: string) => {
    const stream = streams.get(name);
    if (stream) return stream;
    throw new KinesisError('ResourceNotFoundException', `Stream ${name} under account 000000000000 not found.`);
  };
  return {
    createStream: async (name, shards) => Promise.resolve(void streams.set(name, { shards, sequence: 1n << 180n })),
    describe: async (name) =>
      Promise.resolve({ StreamName: name, StreamStatus: 'ACTIVE', OpenShardCount: streamNamed(name).shards }),
    put: async ({ StreamName, Records }) => {
      const stream = streamNamed(StreamName);
      const hashes = Records.map(({ PartitionKey, ExplicitHashKey }) =>
        ExplicitHashKey === undefined ? hashOf(PartitionKey) : BigInt(ExplicitHashKey),
      );
      const beyond = hashes.find((hash) => hash >= HASH_KEYS);
      if (beyond !== undefined) {
        throw new KinesisError('InvalidArgumentException', `Invalid ExplicitHashKey. Specified value was ${beyond}`);
      }
      return Promise.resolve(
        hashes.map((hash) => ({
          ShardId: `shardId-${String((hash * BigInt(stream.shards)) / HASH_KEYS).padStart(12, '0')}`,
          SequenceNumber: String((stream.sequence += 1n)),
        })),
      );
    },
    close: () => Promise.resolve(),
  };
};
