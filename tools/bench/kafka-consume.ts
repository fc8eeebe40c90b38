import { type Inbox, openInbox } from '@waybill/messaging';
import { openKafka } from '@waybill/messaging/kafka';
import { type Database, openDatabase } from '@waybill/postgres';
import type pg from 'pg';
import { openBenchServer } from './database.js';
import { type BenchKafka, benchMessage, openBenchKafka } from './kafka-server.js';
import { alternate, type Bench, rates } from './result.js';

const MESSAGES = 10_000;
const PARTITIONS = 6;

/** Messages whose effect is a row: a subscription of ours with inbox, against bare `eachBatch` with the same transaction. */
export const kafkaConsume: Bench = async ({ rounds, progress }) => {
  const kafka = await openBenchKafka();
  if (typeof kafka === 'string') return [{ name: 'consume on Kafka', notRun: kafka }];
  const server = await openBenchServer();
  const { url } = await server.database();
  const database = await openDatabase({ url, schema: 'bench', maxConnections: PARTITIONS });
  const inbox = await openInbox(database);
  try {
    await database.pool.query(
      'create table effects (id bigserial primary key, subject text not null, data jsonb not null)',
    );
    const timed = async (what: string, consume: Consume): Promise<number> => {
      const topic = await filled(kafka);
      await database.pool.query('checkpoint');
      const gate = Promise.withResolvers<void>();
      let handled = 0;
      let start = 0;
      const stop = await consume({ kafka, database, inbox, topic }, () => {
        if (handled === 0) start = performance.now(); // joining a group is not what is measured
        handled += 1;
        if (handled === MESSAGES) gate.resolve();
      });
      await gate.promise;
      const rate = ((MESSAGES - 1) * 1000) / (performance.now() - start);
      await stop();
      progress(`${what}: ${rate.toFixed(0)} messages/s`);
      return rate;
    };
    const measured = await alternate(
      rounds,
      () => timed('subscription with inbox', consumeOurs),
      () => timed('eachBatch', consumeBare),
    );
    return [
      rates({
        name: 'consume on Kafka with inbox, a row each',
        ...measured,
        baselineName: 'bare kafkajs eachBatch, same transaction',
        budget: { kind: 'ratio', atLeast: 0.7 },
        unit: 'messages/s',
      }),
    ];
  } finally {
    await inbox.close();
    await database.close();
    await server.close();
    await kafka.stop();
  }
};

interface Bound {
  readonly kafka: BenchKafka;
  readonly database: Database;
  readonly inbox: Inbox;
  readonly topic: string;
}
type Consume = (bound: Bound, onHandled: () => void) => Promise<() => Promise<void>>;

const filled = async (kafka: BenchKafka): Promise<string> => {
  const topic = await kafka.topic(PARTITIONS);
  const bus = await openKafka({ brokers: kafka.brokers });
  await bus.publish(Array.from({ length: MESSAGES }, (_, index) => benchMessage(topic, index)));
  await bus.close();
  return topic;
};

const insertEffect = (client: pg.ClientBase, subject: string, data: string) =>
  client.query('insert into effects (subject, data) values ($1, $2)', [subject, data]);

const consumeOurs: Consume = async ({ kafka, database, inbox, topic }, onHandled) => {
  const bus = await openKafka({ brokers: kafka.brokers });
  await bus.subscribe({ group: topic, topics: [topic] }, async ({ id, subject, data }) => {
    await database.transaction(async (client) => {
      if (await inbox.once(client, 'bench', id)) await insertEffect(client, subject, JSON.stringify(data));
    });
    onHandled();
  });
  return () => bus.close();
};

const consumeBare: Consume = async ({ kafka, database, topic }, onHandled) => {
  const consumer = kafka.bare.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      for (const { key, value, offset } of batch.messages) {
        await database.transaction((client) => insertEffect(client, key?.toString() ?? '', value?.toString() ?? ''));
        resolveOffset(offset);
        onHandled();
        await heartbeat();
      }
      const next = String(Number(batch.lastOffset()) + 1);
      await consumer.commitOffsets([{ topic, partition: batch.partition, offset: next }]);
    },
  });
  return () => consumer.disconnect();
};
