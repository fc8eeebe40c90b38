import type { EventStore } from '@waybill/event-store';
import { newId } from '@waybill/kernel';
import { type MessageBus, openRelay } from '@waybill/messaging';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { type EventStoreDbServer, first, startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import grpc from '@grpc/grpc-js';
import { register } from 'prom-client';
import { readConfiguration } from '../config/configuration.js';
import { openEventLog } from './event-log.js';

const UNPUBLISHED = { publish: () => Promise.reject(new Error('nothing is to be published')) } as unknown as MessageBus;

describe('The event log of a service', () => {
  let place: TestDatabase;
  let wakeups: Wakeups;
  let server: EventStoreDbServer;
  let database: Database;
  let opened: AsyncDisposableStack;

  beforeAll(async () => {
    [place, server] = await Promise.all([testDatabase(), startEventStoreDb()]);
    wakeups = openWakeups(place.url);
  });
  beforeEach(async () => {
    opened = new AsyncDisposableStack();
    database = await newDatabase();
  });
  afterEach(() => opened.disposeAsync());
  afterAll(async () => {
    await wakeups.close();
    await server.stop();
    await place.drop();
  });

  const newDatabase = async (): Promise<Database> => {
    const made = await openDatabase({ url: place.url, schema: `service_${newId().replaceAll('-', '').slice(0, 12)}` });
    opened.defer(() => made.close());
    return made;
  };
  const open = (url?: string) => {
    const settings = url === undefined ? {} : { WAYBILL_EVENT_STORE: 'eventstoredb', WAYBILL_EVENTSTOREDB_URL: url };
    return openEventLog(
      { configuration: readConfiguration(settings), wakeups, database, categories: ['thing'] },
      opened,
    );
  };
  const append = (store: EventStore) =>
    store.append(
      `thing-${newId()}`,
      [
        {
          ...{ id: newId(), type: 'ThingHappened', data: {} },
          metadata: {
            ...{ tenant: 'acme', sandbox: 'prod', actor: 'tester', correlationId: newId(), causationId: newId() },
            occurredAt: '2026-11-22T10:00:00.000Z',
          },
        },
      ],
      { expected: 'no-stream' },
    );
  /** Up to the end of the log, as the relay of a service does. */
  const read = async (store: EventStore) => {
    const relay = await openRelay({
      ...{ store, database, bus: UNPUBLISHED, name: 'service' },
      translate: () => Promise.resolve([]),
    });
    const head = await store.head();
    while (store.compare(relay.status().position ?? store.start, head) < 0)
      await new Promise((resolve) => setTimeout(resolve, 20));
    await relay.stop();
  };

  it('is opened again where it is, in either engine', async () => {
    await append((await open()).store);
    expect((await open()).checkHealth).toBeUndefined();
    database = await newDatabase();
    const { store } = await open(server.url);
    await append(store);
    await read(store);
    await expect((await open(server.url)).checkHealth?.()).resolves.toBeUndefined();
  });

  it('is not opened in another engine than it was begun in, either way', async () => {
    await open();
    const differs = { slug: 'event-log-differs', kind: 'internal' };
    await expect(open(server.url)).rejects.toMatchObject({
      ...differs,
      message: expect.stringMatching(/are in PostgreSQL .* chooses EventStoreDB/),
    });
    database = await newDatabase();
    await open(server.url);
    await expect(open()).rejects.toMatchObject({
      ...differs,
      message: expect.stringMatching(/are in EventStoreDB .* chooses PostgreSQL/),
    });
  });

  it('is not begun in an engine that could not be opened', async () => {
    server.faults.onCall = first(1, 'Read', { code: grpc.status.PERMISSION_DENIED, details: 'Access Denied' });
    await expect(open(server.url)).rejects.toMatchObject({ slug: 'event-store-unavailable' });
    await expect(open()).resolves.toMatchObject({ checkHealth: undefined });
    await expect(open(server.url)).rejects.toMatchObject({ slug: 'event-log-differs' });
  });

  it('is known for PostgreSQL by its tables, where it is older than the note of where it is', async () => {
    await open();
    await database.pool.query(`drop table event_log; delete from migrations where component = 'event log'`);
    await expect(open(server.url)).rejects.toMatchObject({ slug: 'event-log-differs' });
  });

  it('is not opened in an EventStoreDB that ends before what was read of it', async () => {
    const { store } = await open(server.url);
    for (let count = 0; count < 5; count++) await append(store);
    await read(store);
    const another = await startEventStoreDb();
    opened.defer(() => another.stop());
    await expect(open(another.url)).rejects.toMatchObject({
      slug: 'event-log-behind',
      message: expect.stringContaining(`${database.schema} has read its events up to ${await store.head()}`),
    });
    await open(server.url);
  });

  it('counts what EventStoreDB makes it try again', async () => {
    const { store } = await open(server.url);
    server.faults.onCall = first(2, 'Read', { code: grpc.status.UNAVAILABLE, details: 'read ECONNRESET' });
    await store.head();
    const text = await register.getSingleMetricAsString('waybill_event_store_troubled_total');
    expect(text).toContain(`{service="${database.schema}",kind="retry",doing="reading the head"} 2`);
  });
});
