import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { newId, streamName } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import type { EventStore, NewEvent } from '../port.js';
import { openPostgresEventStore } from './index.js';

/** Stands between the store and the server, and can lose what the server says. */
const openProxy = async (target: URL) => {
  const sockets = new Set<Socket>();
  let deaf = false;
  const server: Server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    client.pipe(upstream);
    upstream.on('data', (chunk) => void (deaf || client.write(chunk)));
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: Object.assign(new URL(target), { port: String((server.address() as AddressInfo).port) }).href,
    /** From now on, until `hear`, answers are lost; new connections included. */
    loseAnswers: () => (deaf = true),
    hear: () => (deaf = false),
    cut: () => sockets.forEach((socket) => socket.destroy()),
    close: async () => {
      sockets.forEach((socket) => socket.destroy());
      server.close();
      await once(server, 'close');
    },
  };
};

let place: TestDatabase;
let proxy: Awaited<ReturnType<typeof openProxy>>;
let database: Database;
let direct: Database;
let wakeups: Wakeups;
let store: EventStore;
const IMPATIENT_MS = 500;

beforeEach(async () => {
  place = await testDatabase();
  proxy = await openProxy(new URL(place.url));
  database = await openDatabase({ url: proxy.url, schema: 'log' });
  direct = await openDatabase({ url: place.url, schema: 'log' });
  wakeups = openWakeups(place.url);
  store = await openStore(10_000);
});
afterEach(async () => {
  await proxy.close();
  await wakeups.close();
  await Promise.all([database.close(), direct.close()]);
  await place.drop();
});

const openStore = (deadlineMs: number) => openPostgresEventStore({ database, wakeups, deadlineMs });
const newEvent = (data: object = {}): NewEvent => ({
  id: newId(),
  type: 'SomethingHappened',
  data,
  metadata: {
    tenant: 'a',
    sandbox: 'b',
    actor: 'c',
    correlationId: 'd',
    causationId: 'e',
    occurredAt: '2026-01-02T03:04:05Z',
  },
});
const newStream = (): string => streamName('thing', newId());
const append = (stream: string, event = newEvent()) => store.append(stream, [event], { expected: 'no-stream' });
const count = async (): Promise<number> => {
  const { rows } = await direct.pool.query<{ count: number }>('select count(*) from events');
  return rows[0]?.count ?? NaN;
};
const unknown = { slug: 'outcome-unknown', kind: 'unavailable', retryAfterSeconds: 1 };
const unavailable = { slug: 'event-store-unavailable', kind: 'unavailable', retryAfterSeconds: 1 };

/** Runs `work` while somebody else holds the lock of the log. */
const whileLocked = (work: () => Promise<void>): Promise<void> =>
  direct.transaction(async (client) => {
    await client.query('select lock_log()');
    await work();
  });
const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 10_000; !(await holds());) {
    if (Date.now() > deadline) throw new Error('it did not come about within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('an append', () => {
  it('has an unknown outcome when its answer is lost, and the same again is the first one', async () => {
    const [stream, event] = [newStream(), newEvent()];
    await append(newStream()); // a connection is there
    proxy.loseAnswers();
    const lost = expect(append(stream, event)).rejects.toMatchObject(unknown);
    await until(async () => (await count()) === 2);
    proxy.cut();
    await lost;
    proxy.hear();
    expect(await append(stream, event)).toMatchObject({ revision: 0, position: '2' });
    expect(await count()).toBe(2);
  });

  it('has an unknown outcome when its session is ended by the server; those behind it are not touched', async () => {
    const [stream, event] = [newStream(), newEvent()];
    let behind: Promise<unknown> = Promise.resolve();
    await whileLocked(async () => {
      const cut = expect(append(stream, event)).rejects.toMatchObject(unknown);
      await until(async () => {
        const { rowCount } = await direct.pool.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'advisory' and datname = current_database()`,
        );
        return rowCount === 1;
      });
      behind = append(newStream());
      await cut;
    });
    expect(await behind).toMatchObject({ position: '1' });
    expect(await append(stream, event)).toMatchObject({ revision: 0, position: '2' });
  });

  it('has an unknown outcome after its deadline, and is taken once though it comes through late', async () => {
    const [stream, event] = [newStream(), newEvent()];
    const impatient = await openStore(IMPATIENT_MS);
    await whileLocked(async () => {
      const before = performance.now();
      const late = impatient.append(stream, [event], { expected: 'no-stream' });
      await expect(late).rejects.toMatchObject(unknown);
      expect(performance.now() - before).toBeLessThan(IMPATIENT_MS + 5_000);
    });
    expect(await append(stream, event)).toMatchObject({ revision: 0, position: '1' });
    expect(await count()).toBe(1);
  });

  it('did certainly not happen when there is no connection', async () => {
    await proxy.close();
    await until(() => Promise.resolve(database.pool.totalCount === 0));
    await expect(append(newStream())).rejects.toMatchObject(unavailable);
    proxy = await openProxy(new URL(place.url)); // for afterEach
    expect(await count()).toBe(0);
  });
});

describe('appends at the same time', () => {
  it('share transactions, and each succeeds or fails by itself', async () => {
    const taken = newStream();
    await append(taken);
    await direct.pool.query(`alter table events add constraint whim check (type <> 'Disliked')`);
    const results = await Promise.allSettled([
      ...Array.from({ length: 20 }, () => append(newStream())),
      append(taken),
      append(newStream(), { ...newEvent(), type: 'Disliked' }), // fails the whole transaction
      ...Array.from({ length: 20 }, () => append(newStream())),
    ]);
    const failed = results.flatMap((result, index) =>
      result.status === 'rejected' ? [[index, result.reason as unknown]] : [],
    );
    expect(failed).toEqual([
      [20, expect.objectContaining({ slug: 'revision-conflict' })],
      [21, expect.objectContaining({ message: expect.stringContaining('whim') as string })],
    ]);
    expect(await count()).toBe(41);

    await Promise.all(Array.from({ length: 100 }, () => append(newStream())));
    const { rows } = await direct.pool.query<{ transactions: number; head: number }>(
      'select count(distinct xmin::text) as transactions, max(position) as head from events where position > 41',
    );
    expect(rows[0]?.transactions).toBeLessThanOrEqual(5);
    expect(rows[0]?.head).toBe(141); // and positions without gaps
  });
});

describe('reading', () => {
  it('is over at its deadline when the server is silent', async () => {
    await append(newStream());
    const impatient = await openStore(IMPATIENT_MS);
    proxy.loseAnswers();
    const before = performance.now();
    await expect(impatient.readAll('0')).rejects.toMatchObject(unavailable);
    expect(performance.now() - before).toBeLessThan(IMPATIENT_MS + 5_000);
    proxy.hear();
    proxy.cut();
  });

  it('succeeds again after a connection was cut', async () => {
    await append(newStream());
    proxy.cut();
    await until(() => Promise.resolve(database.pool.totalCount === 0));
    expect((await store.readAll('0')).events).toHaveLength(1);
  });
});

it('keeps the logs of two schemas of one database apart', async () => {
  const other = await openDatabase({ url: place.url, schema: 'other_log' });
  const second = await openPostgresEventStore({ database: other, wakeups });
  const stream = newStream();
  const event = newEvent();
  await append(stream, event);
  expect(await second.append(stream, [event], { expected: 'no-stream' })).toMatchObject({
    position: '1',
  });
  await append(newStream());
  expect(await store.head()).toBe('2');
  expect(await second.head()).toBe('1');
  await other.close();
});
