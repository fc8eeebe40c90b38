import type { EventStore, NewEvent } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, type RecordedEvent, streamName, topicKey } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { type TestDatabase, testDatabase } from '@waybill/testkit/postgres';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageBus, OutgoingMessage } from './port.js';
import { openPostgresMessageBus } from './postgres/index.js';
import { openRelay, type Relay, type RelayOptions } from './relay.js';

const TOPIC = 'waybill.test.events';
const scope = { tenant: 'acme', sandbox: 'prod' };

const eventOf = (type: string, index: number): NewEvent => ({
  id: newId(),
  type,
  data: { index },
  metadata: { ...scope, actor: 'tester', correlationId: 'c', causationId: 'c', occurredAt: '2026-11-22T10:00:00Z' },
});

/** Only `ThingHappened` leaves. */
const translate = (event: RecordedEvent): readonly OutgoingMessage[] =>
  event.type !== 'ThingHappened'
    ? []
    : [
        {
          ...scope,
          id: event.id,
          topic: TOPIC,
          type: 'waybill.test.ThingHappened.v1',
          source: '/waybill/test',
          subject: event.stream,
          key: topicKey(scope, event.stream),
          time: event.metadata.occurredAt,
          data: event.data,
          actor: event.metadata.actor,
          correlationId: event.metadata.correlationId,
        },
      ];

describe('the relay', () => {
  let server: TestDatabase;
  let database: Database;
  let messages: Database;
  let wakeups: Wakeups;
  let store: EventStore;
  let bus: MessageBus;
  let relays: Relay[];
  let seen: { readonly key: string; readonly index: number }[];

  beforeEach(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'thing' });
    messages = await openDatabase({ url: server.url, schema: 'messaging' });
    wakeups = openWakeups(server.url);
    store = await openPostgresEventStore({ database, wakeups });
    bus = await openPostgresMessageBus({ database: messages, wakeups });
    await bus.ensureTopics([{ name: TOPIC, partitions: 3 }]);
    relays = [];
    seen = [];
    await bus.subscribe({ group: 'reader', topics: [TOPIC] }, ({ key, data }) => {
      seen.push({ key, index: (data as { index: number }).index });
      return Promise.resolve();
    });
  });
  afterEach(async () => {
    await Promise.all(relays.map((relay) => relay.stop()));
    await bus.close();
    await store.close();
    await wakeups.close();
    await Promise.all([database.close(), messages.close()]);
    await server.drop();
  });

  const open = async (overrides: Partial<RelayOptions> = {}): Promise<Relay> => {
    const relay = await openRelay({
      store,
      database,
      bus,
      name: 'thing',
      translate,
      leaseSeconds: 1,
      pollMs: 100,
      ...overrides,
    });
    relays.push(relay);
    return relay;
  };

  const append = async (stream: string, indexes: readonly number[], type = 'ThingHappened') => {
    let expected = (await store.readStream(stream, { max: 1 })).lastRevision;
    for (const index of indexes) {
      const events = [eventOf(type, index)];
      ({ revision: expected } = await store.append(stream, events, {
        expected: expected < 0 ? 'no-stream' : expected,
      }));
    }
  };
  const indexes = () => seen.map(({ index }) => index);

  it('publishes what may leave, and nothing else, in the order of each stream', async () => {
    await open();
    const streams = Array.from({ length: 5 }, () => streamName('thing', newId()));
    await Promise.all(streams.map((stream) => append(stream, [0, 1, 2, 3])));
    await append(streams[0]!, [99], 'InternalThingHappened');
    await until(() => seen.length === 20);
    for (const stream of streams) {
      const ofStream = seen.filter(({ key }) => key === topicKey(scope, stream));
      expect(ofStream.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    }
  });

  it('goes on after its checkpoint when it is started again, past events that stay inside', async () => {
    const stream = streamName('thing', newId());
    const first = await open();
    await append(stream, [1, 2]);
    await append(stream, [0], 'InternalThingHappened');
    await until(() => first.status().position === '3');
    await first.stop();
    await append(stream, [3]);
    await open();
    await until(() => seen.length === 3);
    expect(indexes()).toEqual([1, 2, 3]);
  });

  it('publishes again what a crash left without a checkpoint: twice perhaps, lost never', async () => {
    const stream = streamName('thing', newId());
    let acknowledgementsLost = 0;
    const forgetful: MessageBus = {
      ...bus,
      publish: async (batch) => {
        await bus.publish(batch);
        if (acknowledgementsLost++ === 0) throw new Error('the acknowledgement was lost');
      },
    };
    await append(stream, [1, 2]);
    await open({ bus: forgetful });
    await until(() => seen.length === 4);
    expect(indexes()).toEqual([1, 2, 1, 2]);
  });

  it('stands at a publication that fails, says so, and goes on in order when it works again', async () => {
    const stream = streamName('thing', newId());
    let broken = true;
    const states: string[] = [];
    const relay = await open({
      bus: { ...bus, publish: (batch) => (broken ? Promise.reject(new Error('the bus is away')) : bus.publish(batch)) },
      onChange: ({ state }) => states.push(state),
    });
    await append(stream, [1, 2, 3]);
    await until(() => relay.status().failures >= 2);
    expect(relay.status()).toMatchObject({ state: 'blocked', lastError: 'the bus is away' });
    expect(relay.status().lagSeconds).toBeGreaterThan(0);
    broken = false;
    await until(() => seen.length === 3);
    expect(indexes()).toEqual([1, 2, 3]);
    await until(() => relay.status().state === 'running');
    expect(relay.status()).toMatchObject({ failures: 0, lagSeconds: 0, lastError: undefined });
    expect(states.slice(-2)).toEqual(['blocked', 'running']);
  });

  it('runs in one process at a time; another takes over when it stops', async () => {
    const stream = streamName('thing', newId());
    const first = await open();
    await until(() => first.status().state === 'running');
    const second = await open();
    await until(() => second.status().state === 'standby');
    await append(stream, [1, 2]);
    await until(() => seen.length === 2);
    await first.stop();
    await append(stream, [3]);
    await until(() => second.status().state === 'running' && seen.length === 3);
    expect(indexes()).toEqual([1, 2, 3]);
  });

  it('that lost its lease while it published leaves the checkpoint to the new holder', async () => {
    const stream = streamName('thing', newId());
    const gate = Promise.withResolvers<void>();
    const slow = await open({
      leaseSeconds: 60, // a renewal of its own would come between the expiry and the heir
      bus: {
        ...bus,
        publish: async (batch) => {
          await gate.promise;
          await bus.publish(batch);
        },
      },
    });
    await append(stream, [1]);
    await until(() => slow.status().lagSeconds > 0);
    await database.pool.query(`update leases set expires_at = now() - interval '1 second'`);
    const heir = await open({ leaseSeconds: 60 });
    await until(() => heir.status().position === '1');
    await append(stream, [2]);
    await until(() => heir.status().position === '2');
    gate.resolve();
    await until(() => slow.status().state === 'standby');
    const { rows } = await database.pool.query('select position from relay_checkpoints');
    expect(rows).toEqual([{ position: '2' }]);
  });
});

const until = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error('it did not come to that within 10 s');
    await sleep(5);
  }
};
