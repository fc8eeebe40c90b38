import type { Admin } from 'kafkajs';

/** The next offset to handle of each partition of a topic. */
export type Positions = ReadonlyMap<number, number>;

/** What a group committed of a topic; a partition without is not named. */
export const committedPositions = async (
  admin: Admin,
  groupId: string,
  topics: readonly string[],
): Promise<ReadonlyMap<string, Positions>> => {
  const answer = await admin.fetchOffsets({ groupId, topics: [...topics] });
  return new Map(
    answer.map(({ topic, partitions }) => [
      topic,
      new Map(
        partitions
          .map(({ partition, offset }) => [partition, Number(offset)] as const)
          .filter(([, offset]) => offset >= 0),
      ),
    ]),
  );
};

/** First offset that is still kept, and the next one to be written, of each partition of a topic. */
export const boundsOf = async (
  admin: Admin,
  topic: string,
): Promise<ReadonlyMap<number, { readonly low: number; readonly high: number }>> => {
  const answer = await admin.fetchTopicOffsets(topic);
  return new Map(answer.map(({ partition, low, high }) => [partition, { low: Number(low), high: Number(high) }]));
};
