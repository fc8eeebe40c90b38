import type { ICustomPartitioner, Message } from 'kafkajs';

/** A record that goes to the broker that led its partition when it was last heard of; undefined: nobody knows yet. */
export interface LedRecord extends Message {
  readonly partition: number;
  readonly leader: number | undefined;
}

/** A partition is led by another broker than the one that the request was meant for. Nothing of it was written. */
export class LeaderMoved extends Error {
  readonly retriable = false; // by kafkajs: who sends has to divide anew
}

/** Who leads which partition, as kafkajs knows it: it tells its partitioner before every try. */
export interface Leaders {
  of(topic: string, partition: number): number | undefined;
  /**
   * Leaves records in their partitions, and stops a try that would go to any other broker than the request was meant for
   * (`LeaderMoved`).
   */
  readonly createPartitioner: ICustomPartitioner;
}

export const createLeaders = (): Leaders => {
  const known = new Map<string, ReadonlyMap<number, number>>();
  const read = new WeakSet<object>();

  const of = (topic: string, partition: number): number | undefined => known.get(topic)?.get(partition);

  return {
    of,
    createPartitioner:
      () =>
      ({ topic, partitionMetadata, message }) => {
        if (!read.has(partitionMetadata)) {
          read.add(partitionMetadata);
          known.set(topic, new Map(partitionMetadata.map(({ partitionId, leader }) => [partitionId, leader])));
        }
        const { partition, leader } = message as LedRecord;
        if (of(topic, partition) !== leader)
          throw new LeaderMoved(`partition ${partition} of ${topic} has a new leader`);
        return partition;
      },
  };
};
