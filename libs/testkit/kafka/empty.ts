import { setTimeout as sleep } from 'node:timers/promises';
import { type Admin, Kafka, logLevel } from 'kafkajs';

/** A group outlives members that were killed by their session, and by a rebalance that waits for them: two of 15 s. */
const GONE_MS = 60_000;

/** Deletes every topic and every group, but for Kafka's own: what one test left is none of the next one's business. */
export const emptyKafka = async (brokers: readonly string[]): Promise<void> => {
  const admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await deleteGroups(admin);
    const topics = await ownTopics(admin);
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const deadline = Date.now() + GONE_MS;
    while ((await ownTopics(admin)).length > 0) {
      if (Date.now() > deadline) throw new Error(`Kafka still has ${(await ownTopics(admin)).join(', ')}`);
      await sleep(50);
    }
  } finally {
    await admin.disconnect();
  }
};

const ownTopics = async (admin: Admin): Promise<string[]> =>
  (await admin.listTopics()).filter((topic) => !topic.startsWith('__'));

/** One whose members were killed is kept until their session has run out. */
const deleteGroups = async (admin: Admin): Promise<void> => {
  const deadline = Date.now() + GONE_MS;
  for (;;) {
    const groups = (await admin.listGroups()).groups.map(({ groupId }) => groupId);
    if (groups.length === 0) return;
    try {
      await admin.deleteGroups(groups);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(250);
    }
  }
};
