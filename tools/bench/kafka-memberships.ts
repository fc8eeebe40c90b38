import { applyMemberships, audienceTables, type MembershipReport, TakeReportedMemberships } from '@waybill/audience';
import { MembershipReported } from '@waybill/contracts';
import type { ReceivedMessage } from '@waybill/messaging';
import { openKafka } from '@waybill/messaging/kafka';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { openBenchServer } from './database.js';
import { type BenchKafka, openBenchKafka } from './kafka-server.js';
import { alternate, type Bench, rates } from './result.js';

const NAME = 'memberships from Kafka into segments';
const REPORTS = 50_000;
const PARTITIONS = 12;
const SCOPE = { tenant: 'acme', sandbox: 'prod' };

/** What another system reports, taken as the audience service takes it, against bare `eachBatch` with the same set-wise merge. */
export const kafkaMemberships: Bench = async ({ rounds, progress }) => {
  const kafka = await openBenchKafka();
  if (typeof kafka === 'string') return [{ name: NAME, notRun: kafka }];
  const server = await openBenchServer();
  const timed = async (what: string, consume: Consume): Promise<number> => {
    const { url, drop } = await server.database();
    const database = await openDatabase({ url, schema: 'audience' });
    try {
      await migrate(database, 'audience', audienceTables);
      const topic = await filled(kafka);
      const gate = Promise.withResolvers<void>();
      let taken = 0;
      let [before, start] = [0, 0];
      const stop = await consume({ kafka, database, topic }, (reports) => {
        taken += reports;
        if (before === 0) [before, start] = [taken, performance.now()]; // joining a group is not what is measured
        if (taken === REPORTS) gate.resolve();
      });
      await gate.promise;
      const rate = ((REPORTS - before) * 1000) / (performance.now() - start);
      await stop();
      progress(`${what}: ${rate.toFixed(0)} reports/s`);
      return rate;
    } finally {
      await database.close();
      await drop();
    }
  };
  try {
    const measured = await alternate(
      rounds,
      () => timed('the service', consumeOurs),
      () => timed('eachBatch', consumeBare),
    );
    return [rates({ name: NAME, ...measured, baselineName: 'bare kafkajs eachBatch, same merge', unit: 'reports/s' })];
  } finally {
    await server.close();
    await kafka.stop();
  }
};

interface Bound {
  readonly kafka: BenchKafka;
  readonly database: Database;
  readonly topic: string;
}
type Consume = (bound: Bound, onTaken: (reports: number) => void) => Promise<() => Promise<void>>;

/** As a foreign producer sends them: a key and JSON. */
const filled = async (kafka: BenchKafka): Promise<string> => {
  const topic = await kafka.topic(PARTITIONS);
  const producer = kafka.bare.producer();
  await producer.connect();
  const messages = Array.from({ length: REPORTS }, (_, index) => ({
    key: `acme/prod/profile-${index}`,
    value: JSON.stringify({
      segmentId: `segment-${index % 3}`,
      profileId: `profile-${index}`,
      status: 'realized',
      at: '2026-01-01T00:00:00Z',
      identities: { email: `profile-${index}@example.com` },
      attributes: { city: 'Oslo', visits: index },
    }),
  }));
  while (messages.length > 0) await producer.send({ topic, messages: messages.splice(0, 5_000) });
  await producer.disconnect();
  return topic;
};

const consumeOurs: Consume = async ({ kafka, database, topic }, onTaken) => {
  const bus = await openKafka({ brokers: kafka.brokers, plainTypes: { [topic]: MembershipReported.type } });
  const listener = new TakeReportedMemberships(database, { existing: () => Promise.resolve({} as never) });
  const { atMost, handler } = listener.together;
  const together = {
    atMost,
    handler: async (messages: readonly ReceivedMessage[]) => {
      await handler(messages);
      onTaken(messages.length);
    },
  };
  await bus.subscribe({ group: topic, topics: [topic], together }, async (message) => {
    await listener.receive(message);
    onTaken(1);
  });
  return () => bus.close();
};

const consumeBare: Consume = async ({ kafka, database, topic }, onTaken) => {
  const consumer = kafka.bare.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch }) => {
      const reports = batch.messages.map(({ value }) => JSON.parse(value!.toString()) as MembershipReport);
      await applyMemberships(database, SCOPE, reports);
      onTaken(reports.length);
    },
  });
  return () => consumer.disconnect();
};
