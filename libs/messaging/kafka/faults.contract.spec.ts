import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, startKafka } from '@waybill/testkit/kafka';
import type { ISocketFactory } from 'kafkajs';
import { partitionOf } from '../partitioner.js';
import type { MessageBus, Observation, Observe } from '../port.js';
import { withAdmin } from './connection.js';
import { type KafkaMessageBusOptions, openKafka } from './message-bus.js';
import { openEffects } from './testing/effects.js';
import { eventually, Ledger, numbered, publishRounds } from './testing/load.js';
import { type Network, openNetwork } from './testing/network.js';

const SESSION_MS = 3_000;
const times = { sessionMs: SESSION_MS, heartbeatMs: 200, fetchWaitMs: 50, graceMs: 2_000, publishMs: 20_000 };

describeWith('the bus on a Kafka that fails', findJars(), (jars) => {
  let cluster: KafkaCluster;
  let topic: string;
  let group: string;
  const opened: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    cluster = await startKafka(jars());
  }, 120_000);
  afterAll(() => cluster.stop(), 30_000);
  beforeEach(async () => {
    topic = `waybill.test.${newId()}`;
    group = `group-${newId()}`;
    const bus = await openBus();
    await bus.ensureTopics([{ name: topic, partitions: 6 }]);
  });
  afterEach(async () => {
    for (const close of opened.splice(0).reverse()) await close();
  }, 60_000);

  const openBus = async (options: Partial<KafkaMessageBusOptions> = {}): Promise<MessageBus> => {
    const bus = await openKafka({ brokers: cluster.brokers, times, ...options });
    opened.push(() => bus.close());
    return bus;
  };
  const openNet = async (): Promise<Network> => {
    const network = await openNetwork(cluster.brokers);
    opened.push(() => network.stop());
    return network;
  };
  /** Messages that the topic holds, whoever wrote them how often. */
  const stored = async (): Promise<number> => {
    const offsets = await withAdmin(cluster, (admin) => admin.fetchTopicOffsets(topic));
    return offsets.reduce((sum, { high }) => sum + Number(high), 0);
  };

  it('loses and reorders nothing when the broker is killed and comes back under load', async () => {
    // Long enough for a broker to start on a busy machine: who gives up and publishes again may write twice.
    const producer = await openBus({ times: { ...times, publishMs: 100_000 } });
    const reader = await openBus();
    const ledger = new Ledger();
    await reader.subscribe({ group, topics: [topic] }, ledger.handle);
    const publishing = publishRounds(producer, topic, { keys: 30, count: 400, atOnce: 2 });
    await eventually(() => expect(ledger.distinct).toBeGreaterThan(500));
    await cluster.nodes[0]?.kill();
    await sleep(1_000);
    await cluster.nodes[0]?.start();
    await publishing;
    await eventually(() => expect(ledger.distinct).toBe(12_000), 60_000);
    expect(ledger.disordered).toEqual([]);
    expect(await stored()).toBe(12_000);
    await eventually(() => expect(reader.checkHealth()).resolves.toBeUndefined());
  }, 240_000);

  it('gives the partitions of a client that is cut off to others, tells its handler, and takes it back', async () => {
    const network = await openNet();
    const [cutOff, other, producer] = [await openBus(network.connection), await openBus(), await openBus()];
    const all = new Ledger();
    const handledBy = { cutOff: 0, other: 0 };
    const inHand = Promise.withResolvers<void>();
    let stuck = false;
    let told = 0;
    await cutOff.subscribe({ group, topics: [topic] }, async (message, signal) => {
      if (stuck) {
        inHand.resolve();
        await once(signal, 'abort');
        told += 1;
        throw new Error('this handler was told to stop');
      }
      handledBy.cutOff += 1;
      await all.handle(message);
    });
    await other.subscribe({ group, topics: [topic] }, async (message) => {
      handledBy.other += 1;
      await all.handle(message);
    });
    await publishRounds(producer, topic, { keys: 30, count: 10 });
    await eventually(() => expect(all.distinct).toBe(300));
    expect(Math.min(handledBy.cutOff, handledBy.other)).toBeGreaterThan(0);

    stuck = true;
    const later = Array.from({ length: 300 }, (_, i) => numbered(topic, `later-${i % 30}`, Math.floor(i / 30)));
    await producer.publish(later);
    await inHand.promise;
    network.proxies.forEach((proxy) => proxy.set('hold'));
    await eventually(() => expect(all.distinct).toBe(600), 40_000);
    expect(told).toBeGreaterThan(0);
    stuck = false;
    network.proxies.forEach((proxy) => proxy.set('pass'));

    const before = handledBy.cutOff;
    for (let index = 0; handledBy.cutOff === before; index++) {
      await producer.publish(Array.from({ length: 30 }, (_, key) => numbered(topic, `again-${key}`, index)));
      await sleep(100);
    }
    await eventually(() => expect(all.disordered).toEqual([]));
  }, 120_000);

  it('brings 100,000 messages of 12 producers to their effect once each, every key in order', async () => {
    const effects = await openEffects();
    opened.push(() => effects.close());
    const readers = [await openBus(), await openBus()];
    const producers = await Promise.all(Array.from({ length: 12 }, () => openBus()));
    for (const reader of readers) await reader.subscribe({ group, topics: [topic] }, effects.handle);
    const [keys, count] = [8, 1_050];
    await Promise.all(
      producers.map(async (producer, number) => {
        for (let index = 0; index < count; index += 50) {
          const messages = Array.from({ length: keys * 50 }, (_, i) =>
            numbered(topic, `${number}-${i % keys}`, index + Math.floor(i / keys)),
          );
          await producer.publish(messages);
        }
      }),
    );
    expect(await stored()).toBe(12 * keys * count);
    // A transaction each, which takes its time on a busy machine: they have it for as long as there are more of them.
    let seen = await effects.count();
    while (seen < 12 * keys * count) {
      const before = seen;
      await eventually(async () => expect((seen = await effects.count())).toBeGreaterThan(before), 60_000);
    }
    expect(await effects.count()).toBe(12 * keys * count);
    expect(await effects.disordered()).toEqual([]);
  }, 900_000);

  it('takes on new readers and tells its lag when a topic that it read is deleted', async () => {
    const gone = `waybill.test.${newId()}`;
    const bus = await openBus();
    await bus.ensureTopics([{ name: gone, partitions: 2 }]);
    const reading = await bus.subscribe({ group: newId(), topics: [gone] }, () => Promise.resolve());
    await reading.stop();
    await withAdmin(cluster, (admin) => admin.deleteTopics({ topics: [gone] }));
    await bus.subscribe({ group, topics: [topic] }, () => Promise.resolve());
    await eventually(async () => {
      const topics = new Set((await bus.lag()).map((lag) => lag.topic));
      expect([topics.has(topic), topics.has(gone)]).toEqual([true, false]);
    });
  }, 60_000);

  it('says that a group is not reading for as long as its lookups fail, and no longer', async () => {
    let cut = false;
    const socketFactory: ISocketFactory = ({ host, port, onConnect }) =>
      cut ? connect({ host, port: 1 }, onConnect) : connect({ host, port }, onConnect);
    const [reader, other] = [await openBus({ socketFactory, times: { ...times, troubleMs: 1_000 } }), await openBus()];
    await reader.subscribe({ group, topics: [topic] }, () => Promise.resolve());
    cut = true; // for new connections alone: the membership goes on
    await other.subscribe({ group, topics: [topic] }, () => Promise.resolve());
    const notReading = { message: expect.stringMatching(new RegExp(`group ${group} is not reading`)) as unknown };
    await eventually(() => expect(reader.checkHealth()).rejects.toMatchObject(notReading));
    cut = false;
    await eventually(() => expect(reader.checkHealth()).resolves.toBeUndefined());
  }, 60_000);

  it('says how many messages were removed before a group had read them', async () => {
    const dropped: Observation[] = [];
    const observe: Observe = (seen) => void (seen.kind === 'dropped' && dropped.push(seen));
    const bus = await openBus({ observe });
    const [before, after] = [new Ledger(), new Ledger()];
    const reading = await bus.subscribe({ group, topics: [topic] }, before.handle);
    await bus.publish([numbered(topic, 'key', 0)]);
    await eventually(() => expect(before.distinct).toBe(1));
    await reading.stop();
    for (const index of [1, 2, 3]) await bus.publish([numbered(topic, 'key', index)]);
    const partition = partitionOf('acme/prod/key', 6);
    await withAdmin(cluster, async (admin) => {
      await admin.fetchTopicOffsets(topic); // so that kafkajs knows its leaders
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: '3' }] });
    });
    await bus.subscribe({ group, topics: [topic] }, after.handle);
    await eventually(() => expect(after.distinct).toBe(1));
    expect(dropped).toMatchObject([
      {
        slug: 'messages-removed',
        reason: expect.stringMatching(/^2 messages/) as unknown,
        topic,
        group,
        partition,
        offset: '1',
      },
    ]);
  }, 60_000);

  it('writes once what was written already when the answers are lost', async () => {
    const network = await openNet();
    const producer = await openBus(network.connection);
    await publishRounds(producer, topic, { keys: 10, count: 5 });
    const publishing = publishRounds(producer, topic, { keys: 10, count: 300 });
    for (let times = 0; times < 3; times++) {
      await sleep(150);
      network.proxies.forEach((proxy) => proxy.swallowAnswers(300));
    }
    await publishing;
    expect(await stored()).toBe(10 * 305);
  }, 60_000);
});
