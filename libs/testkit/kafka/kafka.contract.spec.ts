import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel, type SASLOptions } from 'kafkajs';
import { describeWith } from '../availability/index.js';
import { findJars, type KafkaCluster, PLAIN_USER, SCRAM_USER, startKafka } from './index.js';

describeWith('a genuine Kafka of the test kit', findJars(), (jars) => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka(jars());
  }, 120_000);
  afterAll(() => cluster.stop(), 30_000);

  const adminOf = (brokers: readonly string[], sasl?: SASLOptions) =>
    new Kafka({
      brokers: [...brokers],
      logLevel: logLevel.NOTHING,
      retry: { retries: 0 },
      ...(sasl && { sasl }),
    }).admin();

  const topicsSeen = async (...how: Parameters<typeof adminOf>): Promise<readonly string[]> => {
    const admin = adminOf(...how);
    try {
      await admin.connect();
      return await admin.listTopics();
    } finally {
      await admin.disconnect();
    }
  };

  it('takes users by SCRAM and PLAIN, and no wrong password', async () => {
    expect(await topicsSeen(cluster.saslBrokers, { mechanism: 'scram-sha-256', ...SCRAM_USER })).toEqual([]);
    expect(await topicsSeen(cluster.saslBrokers, { mechanism: 'scram-sha-512', ...SCRAM_USER })).toEqual([]);
    expect(await topicsSeen(cluster.saslBrokers, { mechanism: 'plain', ...PLAIN_USER })).toEqual([]);
    const wrong = { ...SCRAM_USER, password: 'wrong' };
    await expect(topicsSeen(cluster.saslBrokers, { mechanism: 'scram-sha-512', ...wrong })).rejects.toThrow(
      /authentication/i,
    );
  });

  it('keeps its topics when it is killed and started again', async () => {
    const admin = adminOf(cluster.brokers);
    await admin.connect();
    // Awaiting leaders, the client asks once, and takes a topic that is not seen yet for one that is not there.
    await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 2 }], waitForLeaders: false });
    await admin.disconnect();
    while (!(await topicsSeen(cluster.brokers)).includes('kept')) await sleep(20);
    await cluster.nodes[0]?.kill();
    await expect(topicsSeen(cluster.brokers)).rejects.toThrow();
    await cluster.nodes[0]?.start();
    expect(await topicsSeen(cluster.brokers)).toEqual(['kept']);
  }, 120_000);
});
