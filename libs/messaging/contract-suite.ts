import { newId, WaybillError } from '@waybill/kernel';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  deadLetterTopic,
  MAX_MESSAGE_BYTES,
  type MessageBus,
  type MessageHandler,
  type OutgoingMessage,
  type ReceivedMessage,
} from './port.js';

/** One broker or database, and as many processes on it as a test asks for. */
export interface BusHarness {
  /** A bus as a process of its own would open it. */
  openBus(): Promise<MessageBus>;
  /** Ends it as SIGKILL would: from now on nothing of it reaches the server, and it says no farewell. */
  kill(bus: MessageBus): Promise<void>;
  close(): Promise<void>;
}

/** How an adapter may differ. */
export interface BusFeatures {
  /** The longest time that the partitions of a killed member stand still. */
  readonly takeoverMs: number;
  /** Offsets of a partition grow by one for each message of it. Kafka spends some on its own marks. */
  readonly denseOffsets: boolean;
  /** When members come and go in good order, no message is handled twice. */
  readonly cleanHandover: boolean;
}

/** What every MessageBus keeps to. */
export const messageBusContract = (name: string, open: () => Promise<BusHarness>, features: BusFeatures): void => {
  describe(`MessageBus contract: ${name}`, () => {
    let harness: BusHarness;
    let bus: MessageBus;
    let topic: string;
    let group: string;

    beforeAll(async () => {
      harness = await open();
    }, 120_000);
    afterAll(() => harness.close());

    beforeEach(async () => {
      bus = await harness.openBus();
      topic = `waybill.test.${newId()}`;
      group = `group-${newId()}`;
      await bus.ensureTopics([{ name: topic, partitions: 4 }]);
    });
    afterEach(() => bus.close());

    const messages = (count: number, keys = 1, to = topic): OutgoingMessage[] =>
      Array.from({ length: count }, (_, index) => messageOf(to, `key-${index % keys}`, { index }));

    describe('topics', () => {
      it('refuses to publish to a topic that nobody declared', async () => {
        await expect(bus.publish(messages(1, 1, `unknown.${newId()}`))).rejects.toMatchObject({
          slug: 'topic-unknown',
        });
      });

      it('refuses to subscribe to a topic that nobody declared', async () => {
        const subscribing = bus.subscribe({ group, topics: [`unknown.${newId()}`] }, ignore);
        await expect(subscribing).rejects.toMatchObject({ slug: 'topic-unknown' });
      });

      it('lets a topic be declared again, by several processes at once', async () => {
        const other = await harness.openBus();
        const declared = [{ name: `waybill.test.${newId()}`, partitions: 3 }];
        await Promise.all([bus, other, bus, other].map((each) => each.ensureTopics(declared)));
        await other.close();
      });

      it('refuses another number of partitions, since keys would lose their order', async () => {
        const again = bus.ensureTopics([{ name: topic, partitions: 5 }]);
        await expect(again).rejects.toMatchObject({ slug: 'topic-differs' });
      });

      it('refuses a message of more than 1 MiB and stores none of its batch', async () => {
        const seen = await collect(bus, group, topic);
        const batch = [...messages(1), messageOf(topic, 'key-0', { large: 'x'.repeat(MAX_MESSAGE_BYTES) })];
        await expect(bus.publish(batch)).rejects.toMatchObject({ slug: 'message-too-large', kind: 'too-large' });
        await bus.publish([messageOf(topic, 'key-0', { index: 'after' })]);
        await eventually(() => expect(seen.map(({ data }) => data)).toEqual([{ index: 'after' }]));
      });
    });

    describe('messages', () => {
      it('arrive with every attribute as they were sent, whatever characters they hold', async () => {
        const sent: OutgoingMessage = {
          ...messageOf(topic, 'ключ/🚚', {
            text: 'NUL \u0000, quote ", newline \n, 漢字',
            nested: { list: [1, null, 0.5] },
          }),
          causationId: newId(),
          traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
          replyTo: 'waybill.test.replies',
        };
        const seen = await collect(bus, group, topic);
        await bus.publish([sent]);
        await eventually(() => expect(seen).toHaveLength(1));
        const { partition, offset, attempt, ...message } = seen[0] as ReceivedMessage;
        expect(message).toEqual(sent);
        expect(partition).toBeGreaterThanOrEqual(0);
        expect(offset).toMatch(/^\d+$/);
        expect(attempt).toBe(1);
      });

      it('of one key keep their order, and share a partition', async () => {
        const seen = await collect(bus, group, topic);
        await bus.publish(messages(600, 30));
        await bus.publish(messages(600, 30));
        await eventually(() => expect(seen).toHaveLength(1200));
        for (const ofKey of byKey(seen)) {
          const half = Array.from({ length: 20 }, (_, i) => (ofKey[0]?.data as Indexed).index + i * 30);
          expect(indexesOf(ofKey)).toEqual([...half, ...half]);
          expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1);
        }
        expect(new Set(seen.map(({ partition }) => partition)).size).toBe(4);
      });

      if (features.denseOffsets) {
        it('of a partition are numbered from 0 without gaps', async () => {
          const seen = await collect(bus, group, topic);
          await bus.publish(messages(50));
          await eventually(() => expect(seen).toHaveLength(50));
          expect(seen.map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, i) => String(i)));
        });
      }

      it('of 12 producers at once all arrive, once, in the order of each producer', async () => {
        const seen = await collect(bus, group, topic);
        const producers = await Promise.all(Array.from({ length: 12 }, () => harness.openBus()));
        await Promise.all(
          producers.map(async (producer, number) => {
            for (let round = 0; round < 15; round++) {
              await producer.publish(
                [0, 1, 2].map((i) => messageOf(topic, `producer-${number}`, { index: round * 3 + i })),
              );
            }
          }),
        );
        await eventually(() => expect(seen).toHaveLength(12 * 45));
        for (const ofKey of byKey(seen)) expect(indexesOf(ofKey)).toEqual(Array.from({ length: 45 }, (_, i) => i));
        await Promise.all(producers.map((producer) => producer.close()));
      });
    });

    describe('groups', () => {
      it('each see every message', async () => {
        const one = await collect(bus, `${group}-1`, topic);
        const two = await collect(bus, `${group}-2`, topic);
        await bus.publish(messages(20, 5));
        await eventually(() => expect([one.length, two.length]).toEqual([20, 20]));
      });

      it('start at the beginning, or at the end when they ask for it', async () => {
        await bus.publish(messages(3));
        const all = await collect(bus, `${group}-1`, topic);
        const late: ReceivedMessage[] = [];
        await bus.subscribe({ group: `${group}-2`, topics: [topic], from: 'end' }, keepIn(late));
        await bus.publish([messageOf(topic, 'key-0', { index: 'live' })]);
        await eventually(() => expect([all.length, late.length]).toEqual([4, 1]));
        expect(late[0]?.data).toEqual({ index: 'live' });
      });

      it('go on after what they committed, in a new process', async () => {
        const first = await harness.openBus();
        const before = await collect(first, group, topic);
        await bus.publish(messages(25, 5));
        await eventually(() => expect(before).toHaveLength(25));
        await first.close();
        await bus.publish(messages(5, 5));
        const after = await collect(bus, group, topic);
        await eventually(() => expect(after).toHaveLength(5));
        await sleep(100);
        expect(after).toHaveLength(5);
      });

      it('read several topics', async () => {
        const other = `waybill.test.${newId()}`;
        await bus.ensureTopics([{ name: other, partitions: 1 }]);
        const seen: ReceivedMessage[] = [];
        await bus.subscribe({ group, topics: [topic, other] }, keepIn(seen));
        await bus.publish([...messages(2), ...messages(2, 1, other)]);
        await eventually(() =>
          expect(seen.map((message) => message.topic).sort()).toEqual([other, other, topic, topic].sort()),
        );
      });

      it('show their lag', async () => {
        const lagOf = async () => (await bus.lag()).find((lag) => lag.group === group && lag.topic === topic)?.messages;
        const gate = Promise.withResolvers<void>();
        const subscription = await bus.subscribe({ group, topics: [topic] }, () => gate.promise);
        await bus.publish(messages(7, 3));
        await eventually(async () => expect(await lagOf()).toBe(7));
        gate.resolve();
        await eventually(async () => expect(await lagOf()).toBe(0));
        await subscription.stop();
      });
    });

    describe('members of a group', () => {
      it('share the work', async () => {
        const other = await harness.openBus();
        const [mine, theirs] = [await collect(bus, group, topic), await collect(other, group, topic)];
        await eventually(async () => {
          await bus.publish(messages(40, 20));
          await sleep(50);
          expect(Math.min(mine.length, theirs.length)).toBeGreaterThan(0);
        });
        await other.close();
      });

      it('come and go under load: nothing lost, and the order of a key kept', async () => {
        const handled: { key: string; index: number }[] = [];
        const handler: MessageHandler = async ({ key, data }) => {
          await sleep(1);
          handled.push({ key, index: (data as Indexed).index });
        };
        await bus.subscribe({ group, topics: [topic] }, handler);
        const publishing = (async () => {
          for (let round = 0; round < 60; round++) {
            await bus.publish(Array.from({ length: 20 }, (_, key) => messageOf(topic, `key-${key}`, { index: round })));
            await sleep(10);
          }
        })();
        for (let round = 0; round < 3; round++) {
          const guest = await harness.openBus();
          await guest.subscribe({ group, topics: [topic] }, handler);
          await sleep(150);
          await guest.close();
        }
        await publishing;
        await eventually(
          () => expect(new Set(handled.map(({ key, index }) => `${key} ${index}`)).size).toBe(1200),
          20_000,
        );
        if (features.cleanHandover) expect(handled).toHaveLength(1200);
        for (let key = 0; key < 20; key++) {
          const firstTimes = [
            ...new Set(handled.filter((each) => each.key === `key-${key}`).map(({ index }) => index)),
          ];
          expect(firstTimes).toEqual(Array.from({ length: 60 }, (_, i) => i));
        }
      }, 60_000);

      it('take over when one dies, and do again what it had in hand', async () => {
        const doomed = await harness.openBus();
        const inHand: string[] = [];
        await doomed.subscribe({ group, topics: [topic] }, async ({ key }) => {
          inHand.push(key);
          await new Promise(() => undefined);
        });
        await bus.publish(messages(40, 20));
        await eventually(() => expect(inHand.length).toBeGreaterThan(0));
        const seen = await collect(bus, group, topic);
        await harness.kill(doomed);
        await eventually(() => expect(new Set(seen.map(({ id }) => id)).size).toBe(40), features.takeoverMs + 20_000);
        for (const ofKey of byKey(seen)) expect(indexesOf(ofKey)).toEqual([...indexesOf(ofKey)].sort((a, b) => a - b));
        expect(seen.map(({ key }) => key)).toEqual(expect.arrayContaining(inHand));
      }, 90_000);
    });

    describe('handlers', () => {
      it('get a message again, in place, until they resolve', async () => {
        const attempts: number[] = [];
        const order: number[] = [];
        await bus.subscribe({ group, topics: [topic], backoffMs: 5 }, ({ attempt, data }) => {
          attempts.push(attempt);
          if (attempts.length < 3) return Promise.reject(new Error('not yet'));
          order.push((data as Indexed).index);
          return Promise.resolve();
        });
        await bus.publish(messages(2));
        await eventually(() => expect(order).toEqual([0, 1]));
        expect(attempts).toEqual([1, 2, 3, 1]);
      });

      it('that reject a message for good send it to the dead letters with the reason, and its neighbours go on', async () => {
        const handled: number[] = [];
        await bus.subscribe({ group, topics: [topic], attempts: 3, backoffMs: 1 }, ({ data }) => {
          const { index } = data as Indexed;
          if (index === 1) return Promise.reject(new WaybillError('cannot-be', 'refused', 'This cannot be.'));
          handled.push(index);
          return Promise.resolve();
        });
        const sent = messages(4);
        await bus.publish(sent);
        await eventually(() => expect(handled).toEqual([0, 2, 3]));
        const dead = await collect(bus, `${group}-operators`, deadLetterTopic(topic, group));
        await eventually(() => expect(dead).toHaveLength(1));
        expect(dead[0]).toMatchObject({ id: sent[1]?.id, key: sent[1]?.key, data: { index: 1 } });
        expect(dead[0]?.deadLetter).toEqual({
          reason: 'This cannot be.',
          slug: 'cannot-be',
          attempts: 3,
          topic,
          partition: expect.any(Number) as number,
          offset: expect.stringMatching(/^\d+$/) as string,
          group,
        });
      });

      it('that reject the largest message there may be send it to the dead letters, too', async () => {
        const handled: string[] = [];
        await bus.subscribe({ group, topics: [topic], attempts: 1 }, ({ id, data }) => {
          if ('large' in data) return Promise.reject(new WaybillError('cannot-be', 'refused', 'This cannot be.'));
          handled.push(id);
          return Promise.resolve();
        });
        const empty = messageOf(topic, 'key-0', { large: '' });
        const room = MAX_MESSAGE_BYTES - Buffer.byteLength(JSON.stringify(empty));
        const sent = [{ ...empty, data: { large: 'x'.repeat(room) } }, messageOf(topic, 'key-0', { index: 1 })];
        await bus.publish(sent);
        await eventually(() => expect(handled).toEqual([sent[1]?.id]));
        const dead = await collect(bus, `${group}-operators`, deadLetterTopic(topic, group));
        await eventually(() => expect(dead.map(({ id }) => id)).toEqual([empty.id]));
        expect((dead[0]?.data as { readonly large: string }).large).toHaveLength(room);
      });

      it('that take several get them together, in order, and a bad one takes no neighbour with it', async () => {
        const handled: number[] = [];
        const sizes: number[] = [];
        const take = (some: readonly ReceivedMessage[]): Promise<void> => {
          const indexes = indexesOf(some);
          if (indexes.includes(7)) return Promise.reject(new WaybillError('cannot-be', 'refused', 'This cannot be.'));
          handled.push(...indexes);
          sizes.push(indexes.length);
          return Promise.resolve();
        };
        const options = { group, topics: [topic], attempts: 2, backoffMs: 1, together: { atMost: 30, handler: take } };
        await bus.publish(messages(40));
        await bus.subscribe(options, (message) => take([message]));
        await eventually(() => expect(handled).toEqual(Array.from({ length: 40 }, (_, i) => i).toSpliced(7, 1)));
        expect(Math.max(...sizes)).toBeGreaterThan(1);
        expect(Math.max(...sizes)).toBeLessThanOrEqual(30);
        const dead = await collect(bus, `${group}-operators`, deadLetterTopic(topic, group));
        await eventually(() => expect(dead).toHaveLength(1));
        expect(dead[0]).toMatchObject({ data: { index: 7 }, deadLetter: { slug: 'cannot-be', attempts: 2 } });
      });

      it('that meet an outage get the message for as long as it lasts', async () => {
        let attempts = 0;
        let handled = 0;
        await bus.subscribe({ group, topics: [topic], attempts: 2, backoffMs: 1 }, () => {
          attempts += 1;
          if (attempts < 8) return Promise.reject(new WaybillError('store-away', 'unavailable', 'The store is away.'));
          handled += 1;
          return Promise.resolve();
        });
        await bus.publish(messages(1));
        await eventually(() => expect(handled).toBe(1));
        expect(attempts).toBe(8);
      });

      it('that are slow hold up their own partition only', async () => {
        const gate = Promise.withResolvers<void>();
        const handled: string[] = [];
        await bus.subscribe({ group, topics: [topic] }, async ({ key }) => {
          if (key === 'key-0') await gate.promise;
          handled.push(key);
        });
        await bus.publish(messages(100, 50));
        await eventually(() => expect(handled.length).toBeGreaterThan(40));
        expect(handled).not.toContain('key-0');
        gate.resolve();
        await eventually(() => expect(handled).toHaveLength(100));
      });

      it('end the message in hand when their subscription stops, and get no other', async () => {
        const started: number[] = [];
        let ended = 0;
        const subscription = await bus.subscribe({ group, topics: [topic] }, async ({ data }) => {
          started.push((data as Indexed).index);
          await sleep(100);
          ended += 1;
        });
        await bus.publish(messages(5));
        await eventually(() => expect(started).toHaveLength(1));
        await subscription.stop();
        expect([started, ended]).toEqual([[0], 1]);
        const rest = await collect(bus, group, topic);
        await eventually(() => expect(indexesOf(rest)).toEqual([1, 2, 3, 4]));
      });
    });

    it('answers when asked for its health', async () => {
      await expect(bus.checkHealth()).resolves.toBeUndefined();
    });
  });
};

interface Indexed {
  readonly index: number;
}

const scope = { tenant: 'acme', sandbox: 'prod' };

/** A message as a service would send it. */
const messageOf = (topic: string, key: string, data: object): OutgoingMessage => ({
  ...scope,
  topic,
  id: newId(),
  type: 'waybill.test.ThingHappened.v1',
  source: '/waybill/test',
  subject: `thing-${key}`,
  key,
  time: new Date().toISOString(),
  data,
  actor: 'tester',
  correlationId: newId(),
});

const ignore: MessageHandler = () => Promise.resolve();

const keepIn =
  (seen: ReceivedMessage[]): MessageHandler =>
  (message) => {
    seen.push(message);
    return Promise.resolve();
  };

/** What a group gets to see of a topic, as it comes. */
const collect = async (bus: MessageBus, group: string, topic: string): Promise<readonly ReceivedMessage[]> => {
  const seen: ReceivedMessage[] = [];
  await bus.subscribe({ group, topics: [topic] }, keepIn(seen));
  return seen;
};

const byKey = (seen: readonly ReceivedMessage[]): readonly (readonly ReceivedMessage[])[] =>
  Object.values(Object.groupBy(seen, ({ key }) => key)).map((ofKey) => ofKey ?? []);

const indexesOf = (seen: readonly ReceivedMessage[]): readonly number[] =>
  seen.map(({ data }) => (data as Indexed).index);

const eventually = async (holds: () => void | Promise<void>, withinMs = 20_000): Promise<void> => {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(10);
    }
  }
};
