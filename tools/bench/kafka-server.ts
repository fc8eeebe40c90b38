import { newId } from '@waybill/kernel';
import type { OutgoingMessage } from '@waybill/messaging';
import { findKafka } from '@waybill/testkit/kafka';
import { Kafka, logLevel } from 'kafkajs';

export interface BenchKafka {
  readonly brokers: readonly string[];
  /** kafkajs as one would use it. */
  readonly bare: Kafka;
  /** A new topic with so many partitions. */
  topic(partitions: number): Promise<string>;
  stop(): Promise<void>;
}

/** That of `WAYBILL_TEST_KAFKA_BROKERS`, else a genuine broker of the test kit; the reason where there is none. */
export const openBenchKafka = async (): Promise<BenchKafka | string> => {
  const found = findKafka();
  if (!found.available) return found.reason;
  const server = await found.value();
  const bare = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
  const admin = bare.admin();
  await admin.connect();
  return {
    brokers: server.brokers,
    bare,
    async topic(partitions) {
      const topic = `waybill.bench.${newId()}`;
      await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions: partitions }] });
      return topic;
    },
    async stop() {
      await admin.disconnect();
      await server.stop();
    },
  };
};

/** About 200 bytes of data and the attributes of any message, on one of 100 keys. */
export const benchMessage = (topic: string, index: number): OutgoingMessage => ({
  topic,
  key: `acme/prod/run-${index % 100}`,
  id: newId(),
  type: 'waybill.bench.PartPublished.v1',
  source: '/waybill/bench',
  subject: `run-${index % 100}`,
  time: new Date().toISOString(),
  tenant: 'acme',
  sandbox: 'prod',
  actor: 'bench',
  correlationId: newId(),
  data: {
    part: index,
    rows: 250_000,
    bytes: 48_211_904,
    sha256: '0'.repeat(64),
    key: 'exports/2026/11/22/part-00017.csv',
  },
});
