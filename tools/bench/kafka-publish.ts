import { openKafka } from '@waybill/messaging/kafka';
import { benchMessage, openBenchKafka } from './kafka-server.js';
import { alternate, type Bench, rates } from './result.js';

const MESSAGES = 30_000;
const AT_ONCE = 200;
const PARTITIONS = 12;

/** Publications of 200 messages through our port, against bare sends of the same keys, headers and values. */
export const kafkaPublish: Bench = async ({ rounds, progress }) => {
  const kafka = await openBenchKafka();
  if (typeof kafka === 'string') return [{ name: 'publish on Kafka', notRun: kafka }];
  const bus = await openKafka({ brokers: kafka.brokers });
  const producer = kafka.bare.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const timed = async (what: string, publish: (topic: string, from: number) => Promise<unknown>): Promise<number> => {
      const topic = await kafka.topic(PARTITIONS);
      await publish(topic, 0); // what either asks of a topic once
      const start = performance.now();
      for (let from = 0; from < MESSAGES; from += AT_ONCE) await publish(topic, from);
      const rate = (MESSAGES * 1000) / (performance.now() - start);
      progress(`${what}: ${rate.toFixed(0)} messages/s`);
      return rate;
    };
    const messages = (topic: string, from: number) =>
      Array.from({ length: AT_ONCE }, (_, i) => benchMessage(topic, from + i));
    const measured = await alternate(
      rounds,
      () => timed('our port', (topic, from) => bus.publish(messages(topic, from))),
      () =>
        timed('bare producer', (topic, from) =>
          producer.send({
            topic,
            acks: -1,
            messages: messages(topic, from).map(
              ({ key, data, topic: _topic, deadLetter: _deadLetter, ...attributes }) => ({
                key,
                value: JSON.stringify(data),
                headers: { ce_specversion: '1.0', 'content-type': 'application/json', ...attributes },
              }),
            ),
          }),
        ),
    );
    return [
      rates({
        name: 'publish on Kafka, 200 at once',
        ...measured,
        baselineName: 'bare kafkajs producer, idempotent, all acks',
        budget: { kind: 'ratio', atLeast: 0.8 },
        unit: 'messages/s',
      }),
    ];
  } finally {
    await producer.disconnect();
    await bus.close();
    await kafka.stop();
  }
};
