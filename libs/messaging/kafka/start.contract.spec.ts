import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, PLAIN_USER, SCRAM_USER, startKafka } from '@waybill/testkit/kafka';
import type { MessageBus, Observation, Observe } from '../port.js';
import { type KafkaMessageBusOptions, openKafka } from './message-bus.js';
import { eventually, Ledger, numbered, publishRounds } from './testing/load.js';

describeWith('opening the bus on Kafka', findJars(), (jars) => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka(jars());
  }, 120_000);
  afterAll(() => cluster.stop(), 30_000);

  const using = async <T>(
    options: Partial<KafkaMessageBusOptions>,
    work: (bus: MessageBus) => Promise<T>,
  ): Promise<T> => {
    const times = { heartbeatMs: 200, fetchWaitMs: 50, publishMs: 5_000 };
    const bus = await openKafka({ brokers: cluster.brokers, times, ...options });
    try {
      return await work(bus);
    } finally {
      await bus.close();
    }
  };

  const watchFailures = () => {
    const failures: Observation[] = [];
    const observe: Observe = (seen) => void (seen.kind === 'failed' && failures.push(seen));
    return { failures, observe };
  };

  it('joins its groups on a broker that has just started, many at once', async () => {
    const topic = `waybill.test.${newId()}`;
    const members = Array.from({ length: 6 }, (_, number) =>
      using({}, async (bus) => {
        await bus.ensureTopics([{ name: topic, partitions: 2 }]);
        for (const group of ['one', 'two', 'three']) {
          await bus.subscribe({ group: `${group}-${number}`, topics: [topic] }, () => Promise.resolve());
        }
      }),
    );
    await Promise.all(members);
  }, 60_000);

  it.each([
    { mechanism: 'scram-sha-512', ...SCRAM_USER },
    { mechanism: 'scram-sha-256', ...SCRAM_USER },
    { mechanism: 'plain', ...PLAIN_USER },
  ] as const)('takes a user by $mechanism, and says that a password is wrong without naming it', async (sasl) => {
    const topic = `waybill.test.${newId()}`;
    const seen = new Ledger();
    await using({ brokers: cluster.saslBrokers, sasl }, async (bus) => {
      await bus.ensureTopics([{ name: topic, partitions: 2 }]);
      await bus.subscribe({ group: topic, topics: [topic] }, seen.handle);
      await publishRounds(bus, topic, { keys: 5, count: 2 });
      await eventually(() => expect(seen.distinct).toBe(10));
    });
    const wrong = { ...sasl, password: 'not-the-password' };
    const refused: unknown = await using({ brokers: cluster.saslBrokers, sasl: wrong }, () => Promise.resolve()).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({ slug: 'messaging-refused' });
    expect((refused as Error).message).not.toContain('not-the-password');
  });

  it('says soon that nobody answers', async () => {
    const started = performance.now();
    const opening = using({ brokers: ['127.0.0.1:1'] }, () => Promise.resolve());
    await expect(opening).rejects.toMatchObject({ slug: 'messaging-unavailable', kind: 'unavailable' });
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  it('says soon which topic is missing, of dead letters too, and how to make it, where only an operator makes them', async () => {
    const topic = `waybill.test.${newId()}`;
    const declared = [{ name: topic, partitions: 2 }];
    const missing = { slug: 'topic-unknown', message: expect.stringMatching(/waybill topics apply/) };
    await using({ makeTopics: false }, async (bus) => {
      const started = performance.now();
      await expect(bus.ensureTopics(declared)).rejects.toMatchObject(missing);
      await expect(bus.subscribe({ group: 'g', topics: [topic] }, () => Promise.resolve())).rejects.toMatchObject(
        missing,
      );
      await using({}, (maker) => maker.ensureTopics(declared));
      await bus.ensureTopics(declared);
      await expect(bus.subscribe({ group: 'g', topics: [topic] }, () => Promise.resolve())).rejects.toMatchObject({
        ...missing,
        message: expect.stringContaining(`${topic}.g.dlq`),
      });
      expect(performance.now() - started).toBeLessThan(10_000);
    });
  });

  it('lets members of one group read different topics, each all of its own', async () => {
    const topics = ['one', 'two', 'two'].map((name) => `waybill.test.${name}-${newId()}`);
    const ledgers = topics.map(() => new Ledger());
    const group = newId();
    await using({}, async (bus) => {
      await bus.ensureTopics(topics.map((name) => ({ name, partitions: 3 })));
      await bus.subscribe({ group, topics: topics.slice(0, 1) }, ledgers[0]!.handle);
      await bus.subscribe({ group, topics: topics.slice(1) }, ledgers[1]!.handle);
      for (const topic of topics) await publishRounds(bus, topic, { keys: 10, count: 3 });
      await eventually(() => expect([ledgers[0]?.deliveries, ledgers[1]?.deliveries]).toEqual([30, 60]));
    });
  });

  it('has subscriptions of one group in one process that take nothing from each other when it is shared out anew', async () => {
    const topics = ['one', 'two', 'three'].map((name) => `waybill.test.${name}-${newId()}`);
    const group = newId();
    const { failures, observe } = watchFailures();
    await using({ observe }, async (bus) => {
      await bus.ensureTopics(topics.map((name) => ({ name, partitions: 3 })));
      for (const topic of topics) await bus.subscribe({ group, topics: [topic] }, () => Promise.resolve());
      failures.splice(0); // a broker that has just started loads its groups first
      for (let round = 0; round < 20; round++) {
        const passing = await bus.subscribe({ group, topics: [topics[0]!] }, () => Promise.resolve());
        await passing.stop();
      }
    });
    expect(failures).toEqual([]);
  }, 60_000);

  it('leaves a group that is being shared out anew, and has nothing to complain of', async () => {
    const topics = ['first', 'leaving', 'busy'].map((name) => `waybill.test.${name}-${newId()}`);
    const { failures, observe } = watchFailures();
    const [inHand, done] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const busy = () => {
      inHand.resolve();
      return done.promise;
    };
    await using({ observe }, async (bus) => {
      await bus.ensureTopics(topics.map((name) => ({ name, partitions: 3 })));
      const group = newId();
      const members = [];
      for (const topic of topics) {
        const handler = topic === topics[2] ? busy : () => Promise.resolve();
        members.push(await bus.subscribe({ group, topics: [topic] }, handler));
      }
      failures.splice(0);
      await bus.publish([numbered(topics[2]!, 'key', 0)]);
      await inHand.promise;
      await members[0]?.stop();
      // By now the second one has heard of it; its new share has to wait for the third, which has a message in hand.
      await sleep(1_000);
      const stopped = members[1]?.stop();
      await sleep(200);
      done.resolve();
      await stopped;
    });
    expect(failures).toEqual([]);
  }, 60_000);

  it('tells that it is well as long as a broker answers, and that it is not when none does', async () => {
    await using({}, async (bus) => {
      await bus.checkHealth();
      await cluster.nodes[0]?.kill();
      await expect(bus.checkHealth()).rejects.toMatchObject({ slug: 'messaging-unavailable' });
      await cluster.nodes[0]?.start();
      await eventually(() => expect(bus.checkHealth()).resolves.toBeUndefined());
    });
  }, 90_000);
});
