import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, startKafka } from '@waybill/testkit/kafka';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import type { MessageBus, OutgoingMessage } from '../port.js';
import { withAdmin } from './connection.js';
import { type KafkaMessageBusOptions, openKafka } from './message-bus.js';
import { type Effects, openEffects } from './testing/effects.js';
import { eventually, numbered, publishUntilDone } from './testing/load.js';
import { type Network, openNetwork } from './testing/network.js';

const PARTITIONS = 12;
const KEYS = 60;
/** Whether the bare producer loses messages in a round is chance: it has some rounds for it. */
const ROUNDS = 6;

describeWith('the bus on three brokers, each of which is lost in turn', findJars(), (jars) => {
  let cluster: KafkaCluster;
  let effects: Effects;
  let network: Network | undefined;
  const buses: MessageBus[] = [];

  beforeAll(async () => {
    [cluster, effects] = await Promise.all([startKafka(jars(), { nodes: 3 }), openEffects()]);
  }, 180_000);
  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await network?.stop();
    await cluster.stop();
    await effects.close();
  }, 60_000);

  const openBus = async (options: Partial<KafkaMessageBusOptions> = {}): Promise<MessageBus> => {
    const times = { sessionMs: 4_000, heartbeatMs: 300, fetchWaitMs: 50, graceMs: 2_000, publishMs: 120_000 };
    const bus = await openKafka({ brokers: cluster.brokers, times, ...options });
    buses.push(bus);
    return bus;
  };

  const partitionsOf = (topic: string) =>
    withAdmin(cluster, async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      return topics[0]?.partitions ?? [];
    });
  const stored = (topic: string) =>
    withAdmin(cluster, async (admin) =>
      (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + Number(high), 0),
    );

  /** Each broker leads some partition; it is killed, others lead, it comes back and is in sync again. */
  const loseEachLeader = async (topic: string): Promise<void> => {
    for (const node of cluster.nodes) {
      await node.kill();
      await eventually(async () => {
        const partitions = await partitionsOf(topic);
        expect(partitions).toHaveLength(PARTITIONS);
        expect(partitions.every(({ leader }) => leader !== node.id && leader > 0)).toBe(true);
      }, 60_000);
      await sleep(500);
      await node.start();
      await eventually(async () => {
        expect((await partitionsOf(topic)).every(({ isr }) => isr.length === 3)).toBe(true);
      }, 60_000);
    }
  };
  /** The `index`-th message of each key. */
  const roundOf = (topic: string, index: number): readonly OutgoingMessage[] =>
    Array.from({ length: KEYS }, (_, key) => numbered(topic, `key-${key}`, index));

  it('is well, and finds its topics, while one of somebody else has lost its only broker', async () => {
    const [own, later, theirs] = [`waybill.test.${newId()}`, `waybill.test.${newId()}`, `theirs.${newId()}`];
    const [bus, other] = [await openBus(), await openBus()];
    await bus.ensureTopics([{ name: own, partitions: PARTITIONS }]);
    await other.ensureTopics([{ name: later, partitions: PARTITIONS }]);
    const node = cluster.nodes[0]!;
    const onlyThere = {
      numPartitions: -1,
      replicationFactor: -1,
      replicaAssignment: [{ partition: 0, replicas: [node.id] }],
    };
    await withAdmin(cluster, (admin) =>
      admin.createTopics({ waitForLeaders: false, topics: [{ topic: theirs, ...onlyThere }] }),
    );
    await eventually(async () => expect(await partitionsOf(theirs)).toHaveLength(1));
    await node.kill();
    try {
      await eventually(
        () => expect(partitionsOf(theirs)).rejects.toMatchObject({ slug: 'messaging-unavailable' }),
        60_000,
      );
      await eventually(() => expect(bus.checkHealth()).resolves.toBeUndefined(), 60_000);
      await publishUntilDone(bus, [numbered(later, 'key', 0)]);
      expect(await stored(later)).toBe(1);
    } finally {
      await node.start();
    }
  }, 200_000);

  it('writes nothing twice where one broker breaks off and another one answers late', async () => {
    const topic = `waybill.test.${newId()}`;
    const { connection, proxies } = (network = await openNetwork(cluster.brokers));
    const bus = await openBus(connection);
    await bus.ensureTopics([{ name: topic, partitions: PARTITIONS }]);
    let over = false;
    let index = 0;
    let again = 0;
    const publish = async (): Promise<void> => {
      for (; !over; index++) again += await publishUntilDone(bus, roundOf(topic, index));
    };
    // Whom of the others kafkajs asks for the leaders then, and so whether it tries again at once, is chance.
    const disturb = async (): Promise<void> => {
      for (let round = 0; round < 12; round++) {
        const [breaking, late] = [proxies[round % 3]!, proxies[(round + 1) % 3]!];
        for (const proxy of [breaking, late]) proxy.set('hold');
        await sleep(300); // for a request to each, and the answer of the third
        breaking.set('cut');
        breaking.set('pass');
        await sleep(1_500);
        late.set('pass');
        await sleep(300);
      }
    };
    await Promise.all([disturb().finally(() => (over = true)), publish()]);
    expectWritten(await stored(topic), index, again);
  }, 120_000);

  it('loses nothing, doubles no effect and keeps every key in order, where a bare producer loses messages', async () => {
    const [ours, bare] = [`waybill.test.${newId()}`, `waybill.test.${newId()}`];
    const retry = { retries: 100, initialRetryTime: 100, maxRetryTime: 500 };
    const kafka = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING, retry });
    const [producer, one, two] = [await openBus(), await openBus(), await openBus()];
    await producer.ensureTopics([ours, bare].map((name) => ({ name, partitions: PARTITIONS })));
    for (const reader of [one, two]) await reader.subscribe({ group: 'effects', topics: [ours] }, effects.handle);

    let index = 0;
    let again = 0;
    let lostByBare = 0;
    // Before a broker is lost: what is tried is sending, and a producer that cannot connect sends nothing.
    const bareProducer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
    await bareProducer.connect();
    for (let round = 1; round <= ROUNDS && lostByBare === 0; round++) {
      let over = false;
      const publish = async (): Promise<void> => {
        for (; !over; index++) {
          again += await publishUntilDone(producer, roundOf(ours, index));
          await sleep(5);
        }
      };
      const publishing = round === 1 ? publish() : undefined; // later rounds are for the bare one alone
      const losing = loseEachLeader(round === 1 ? ours : bare).finally(() => (over = true));
      const [acknowledged] = await Promise.all([sendBare(bareProducer, bare, () => over), losing, publishing]);
      const held = await readAll(kafka, bare, await stored(bare));
      lostByBare = acknowledged.filter((value) => !held.has(value)).length;
    }

    await bareProducer.disconnect();

    await eventually(async () => expect(await effects.count()).toBe(index * KEYS), 90_000);
    expect(await effects.disordered()).toEqual([]);
    expectWritten(await stored(ours), index, again);
    expect(lostByBare).toBeGreaterThan(0);
  }, 600_000);
});

/** Once each, unless a publication failed and was published again. */
const expectWritten = (stored: number, rounds: number, again: number): void => {
  expect(stored).toBeGreaterThanOrEqual(rounds * KEYS);
  expect(stored).toBeLessThanOrEqual((rounds + again) * KEYS);
};

/** The same load by `producer.send` alone, idempotent and with all acknowledgements: the values that it says are written. */
const sendBare = async (producer: Producer, topic: string, isOver: () => boolean): Promise<readonly string[]> => {
  const acknowledged: string[] = [];
  while (!isOver()) {
    const messages = Array.from({ length: KEYS }, (_, key) => ({ key: `key-${key}`, value: newId() }));
    const values = messages.map(({ value }) => value);
    await producer.send({ topic, acks: -1, messages }).then(
      () => acknowledged.push(...values),
      () => undefined, // an error is no loss: it was said
    );
    await sleep(5);
  }
  return acknowledged;
};

/** Every value that the topic holds. */
const readAll = async (kafka: Kafka, topic: string, count: number): Promise<ReadonlySet<string>> => {
  const consumer = kafka.consumer({ groupId: newId() });
  const seen = new Set<string>();
  const read = new Set<string>(); // a consumer that begins again reads some twice
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    eachBatch: async ({ batch }) => {
      for (const { offset, value } of batch.messages) {
        read.add(`${batch.partition} ${offset}`);
        seen.add(value?.toString() ?? '');
      }
    },
  });
  await eventually(() => expect(read.size).toBe(count), 60_000);
  await consumer.disconnect();
  return seen;
};
