import { type EventStore, toNewEvents } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, streamName } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { openProjections, type Projection, type Projections } from './index.js';
import { startRunner } from './runner.js';

let place: TestDatabase;
let wakeups: Wakeups;
const opened: Projections[] = [];

beforeAll(async () => {
  place = await testDatabase();
  wakeups = openWakeups(place.url);
});
afterAll(async () => {
  await wakeups.close();
  await place.drop();
});

/** Each test is a service of its own: a schema with its log and its read models. */
let database: Database;
let store: EventStore;
let services = 0;
beforeEach(async () => {
  database = await openDatabase({ url: place.url, schema: `service_${(services += 1)}` });
  store = await openPostgresEventStore({ database, wakeups });
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((projections) => projections.stop()));
  await database.close();
});

/** How often each word was said, and by whom last. */
const words: Projection = {
  name: 'words',
  categories: ['talk'],
  tables: `
    create table words (word text primary key, said int not null, speaker text not null);
    create index words_by_speaker on words (speaker);`,
  async handle(client, events) {
    for (const { data } of events) {
      const { word, speaker } = data as { word: string; speaker: string };
      await client.query(
        `insert into words values ($1, 1, $2)
         on conflict (word) do update set said = words.said + 1, speaker = excluded.speaker`,
        [word, speaker],
      );
    }
  },
};

const open = async (projection: Partial<Projection> = {}, on = store): Promise<Projections> => {
  const projections = await openProjections({ database, store: on, projections: [{ ...words, ...projection }] });
  opened.push(projections);
  return projections;
};

const say = async (word: string, times = 1, category = 'talk') => {
  const stream = streamName(category, newId());
  const events = Array.from({ length: times }, () => ({ type: 'Said', data: { word, speaker: 'ada' } }));
  const context = {
    tenant: 'acme',
    sandbox: 'prod',
    commandId: newId(),
    actor: 'ada',
    at: '2026-01-02T03:04:05Z',
    correlationId: newId(),
  };
  const { position } = await store.append(stream, toNewEvents(stream, events, context), { expected: 'no-stream' });
  return { stream, position };
};

const read = async (): Promise<Record<string, number>> => {
  const { rows } = await database.pool.query<{ word: string; said: number }>('select word, said from words');
  return Object.fromEntries(rows.map(({ word, said }) => [word, said]));
};
const statusOf = async (projections: Projections) => (await projections.status())[0];
const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !(await holds());) {
    if (Date.now() > deadline) throw new Error('it did not come about within 20 s');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const gate = () => {
  let open = (): void => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
};
const generationSchemas = async (): Promise<string[]> => {
  const { rows } = await database.pool.query<{ name: string }>(
    `select nspname as name from pg_namespace where starts_with(nspname, $1) order by 1`,
    [`${database.schema}__`],
  );
  return rows.map(({ name }) => name.slice(database.schema.length));
};

describe('a projection', () => {
  it('can be read from the moment it is opened, and shows what was in the log and what comes', async () => {
    await say('early', 3);
    const projections = await open();
    expect(await read()).toEqual({});
    await projections.start();
    const { position } = await say('late', 2);
    await projections.waitFor('words', position, 20_000);
    expect(await read()).toEqual({ early: 3, late: 2 });
  });

  it('takes the categories it names and no others', async () => {
    const projections = await open();
    await projections.start();
    await say('heard');
    const { position } = await say('unheard', 1, 'whisper');
    await projections.waitForAll(position, 20_000);
    expect(await read()).toEqual({ heard: 1 });
  });

  it('goes on where it was after a restart, taking no event twice', async () => {
    const first = await open();
    await first.start();
    await first.waitFor('words', (await say('one', 2)).position, 20_000);
    await first.stop();
    await say('two', 3);
    const second = await open();
    await second.start();
    await second.waitFor('words', await store.head(), 20_000);
    expect(await read()).toEqual({ one: 2, two: 3 });
  });

  it('catches up over many batches', async () => {
    for (let i = 0; i < 4; i += 1) await say(`w${i}`, 400);
    const projections = await open();
    await projections.start();
    await projections.waitFor('words', await store.head(), 20_000);
    expect(await read()).toEqual({ w0: 400, w1: 400, w2: 400, w3: 400 });
  });

  it('does without hints, though later', async () => {
    const projections = await open({}, { ...store, onAppended: () => () => undefined });
    await projections.start();
    await say('polled');
    await until(async () => (await read())['polled'] === 1);
  });

  it('reads old shapes of events through its upcasters', async () => {
    const upcasters = { Said: (data: object) => ({ type: 'Said.v2', data: { ...data, speaker: 'upcast' } }) };
    const projections = await open({ upcasters });
    await projections.start();
    await projections.waitFor('words', (await say('old')).position, 20_000);
    const { rows } = await database.pool.query('select speaker from words');
    expect(rows).toEqual([{ speaker: 'upcast' }]);
  });

  it('goes on by itself after every connection was cut', async () => {
    const projections = await open();
    await projections.start();
    await projections.waitFor('words', (await say('before')).position, 20_000);
    const other = await openDatabase({ url: place.url, schema: 'other' });
    await other.pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    );
    await other.close();
    await until(async () => {
      const said = await say('after').catch(() => undefined);
      return (
        said !== undefined &&
        projections.waitFor('words', said.position, 1_000).then(
          () => true,
          () => false,
        )
      );
    });
    expect((await read())['before']).toBe(1);
  });
});

describe('a handler that fails', () => {
  it('leaves no rows of its batch behind, is named in the status, and is tried until it succeeds', async () => {
    let broken = true;
    const projections = await open({
      async handle(client, events) {
        await words.handle(client, events);
        if (broken && events.some(({ data }) => (data as { word: string }).word === 'poison')) throw new Error('ouch');
      },
    });
    await say('good', 20);
    const { stream, position } = await say('poison');
    await say('good', 20);
    await projections.start();

    await until(async () => (await statusOf(projections))?.error?.startsWith('at Said') === true);
    expect((await statusOf(projections))?.error).toBe(`at Said (revision 0 of ${stream}): ouch`);
    expect(await read()).toEqual({ good: 20 });
    await expect(projections.waitFor('words', position, 100)).rejects.toMatchObject({
      slug: 'projection-behind',
      kind: 'unavailable',
      retryAfterSeconds: 1,
    });

    broken = false;
    await projections.waitFor('words', await store.head(), 30_000);
    expect(await read()).toEqual({ good: 40, poison: 1 });
    await until(async () => (await statusOf(projections))?.error === undefined);
  }, 60_000);
});

describe('several processes', () => {
  it('run a projection one at a time, the next when the first stops', async () => {
    const [one, two] = [await open(), await open()];
    await one.start();
    await until(async () => (await statusOf(one))?.active === true);
    await two.start();
    const { position } = await say('x', 5);
    await Promise.all([one.waitFor('words', position, 20_000), two.waitFor('words', position, 20_000)]);
    expect(await statusOf(two)).toMatchObject({ active: false, lagPositions: 0 });
    await one.stop();
    await until(async () => (await statusOf(two))?.active === true);
    await two.waitFor('words', (await say('x', 2)).position, 20_000);
    expect(await read()).toEqual({ x: 7 });
  });

  it('do not write twice when one is held up until its lease is gone', async () => {
    const entered = gate();
    const blocked = gate();
    const slow = await open({
      async handle(client, events) {
        await words.handle(client, events);
        entered.open();
        await blocked.passed;
      },
    });
    await say('x', 3);
    await slow.start();
    await entered.passed;
    const next = await open();
    await next.start();
    await until(async () => {
      // Its process stands still for longer than its lease; in these tests, time is what the table says. Here it renews it.
      await database.pool.query(`update leases set expires_at = now() - interval '1 second' where epoch = 1`);
      const { rows } = await database.pool.query<{ epoch: number }>('select epoch from leases');
      return rows[0]?.epoch === 2;
    });
    blocked.open(); // the first one writes its rows and its checkpoint now
    await next.waitFor('words', await store.head(), 20_000);
    expect(await read()).toEqual({ x: 3 });
  });

  it('open at the same time', async () => {
    const processes = await Promise.all(Array.from({ length: 6 }, () => open()));
    await Promise.all(processes.map((projections) => projections.start()));
    const { position } = await say('x');
    await Promise.all(processes.map((projections) => projections.waitFor('words', position, 20_000)));
    expect(await read()).toEqual({ x: 1 });
    expect(await generationSchemas()).toEqual(['__words__1']);
  });
});

describe('rebuilding', () => {
  it('goes on beside the living one, which is read and kept up to date until the switch', async () => {
    let wrong = true;
    const rebuilding = gate();
    const projections = await open({
      async handle(client, events) {
        const { rows } = await client.query<{ schema: string }>('select current_schema() as schema');
        if (rows[0]?.schema.endsWith('__2')) await rebuilding.passed;
        await words.handle(client, events);
        if (wrong) await client.query('update words set said = said + 100');
      },
    });
    await projections.start();
    await projections.waitFor('words', (await say('x')).position, 20_000);
    expect(await read()).toEqual({ x: 101 });
    wrong = false;

    const rebuilt = projections.rebuild('words');
    await until(async () => (await statusOf(projections))?.state === 'rebuilding');
    await expect(projections.rebuild('words')).rejects.toMatchObject({
      slug: 'projection-rebuilding',
      kind: 'conflict',
    });
    await projections.waitFor('words', (await say('x')).position, 20_000);
    expect(await read()).toEqual({ x: 102 });

    rebuilding.open();
    await rebuilt;
    expect(await read()).toEqual({ x: 2 });
    expect(await statusOf(projections)).toMatchObject({ state: 'live' });
    await projections.waitFor('words', (await say('x')).position, 20_000);
    expect(await read()).toEqual({ x: 3 });
    await until(async () => (await generationSchemas()).join() === '__words__2');
  });

  it('shows readers one or the other at every moment, and never less than they saw', async () => {
    const projections = await open();
    await projections.start();
    await say('x', 400);
    await projections.waitFor('words', await store.head(), 20_000);
    let reading = true;
    let seen = 0;
    const reader = (async () => {
      while (reading) {
        const { x = 0 } = await read();
        expect(x).toBeGreaterThanOrEqual(seen);
        seen = x;
      }
    })();
    const writer = (async () => {
      while (reading) await say('x');
    })();
    await projections.rebuild('words');
    await projections.rebuild('words');
    reading = false;
    await Promise.all([reader, writer]);
    expect(seen).toBeGreaterThanOrEqual(400);
  }, 120_000);

  it('is ended by the next process when the first is stopped in the middle', async () => {
    const entered = gate();
    const blocked = gate();
    const first = await open({
      async handle(client, events) {
        const { rows } = await client.query<{ schema: string }>('select current_schema() as schema');
        if (rows[0]?.schema.endsWith('__2')) {
          entered.open();
          await blocked.passed;
          throw new Error('the process ends here');
        }
        await words.handle(client, events);
      },
    });
    await say('x', 3);
    await first.start();
    await first.waitFor('words', await store.head(), 20_000);
    const interrupted = expect(first.rebuild('words')).rejects.toMatchObject({ slug: 'projections-stopped' });
    await entered.passed;
    const stopped = first.stop();
    blocked.open();
    await Promise.all([stopped, interrupted]);
    expect(await read()).toEqual({ x: 3 });

    const second = await open();
    await second.start();
    await until(async () => (await statusOf(second))?.state === 'live');
    expect(await read()).toEqual({ x: 3 });
    await until(async () => (await generationSchemas()).join() === '__words__2');
  });

  it('happens by itself for a newer version, whose tables may be others; the old version then leaves it alone', async () => {
    const old = await open();
    await old.start();
    await old.waitFor('words', (await say('x', 2)).position, 20_000);

    const newer = await open({
      version: 2,
      tables: 'create table words (word text primary key, said int not null, loud boolean not null)',
      handle: async (client, events) => {
        for (const { data } of events) {
          await client.query(
            `insert into words values ($1, 1, true) on conflict (word) do update set said = words.said + 1`,
            [(data as { word: string }).word],
          );
        }
      },
    });
    expect(await read()).toEqual({ x: 2 });
    await old.waitFor('words', (await say('x')).position, 20_000);
    expect(await read()).toEqual({ x: 3 });

    await newer.start();
    await until(async () => (await statusOf(newer))?.state === 'live');
    await newer.waitFor('words', (await say('x')).position, 20_000);
    const { rows } = await database.pool.query('select * from words');
    expect(rows).toEqual([{ word: 'x', said: 4, loud: true }]);
    expect(await statusOf(old)).toMatchObject({ state: 'superseded', active: false, version: 2 });
    await until(async () => {
      const { rows: leases } = await database.pool.query<{ name: string }>('select name from leases');
      return leases.map(({ name }) => name).join() === 'projection words 2';
    });
  });
});

it('leaves no lease of a generation that is gone', async () => {
  await open();
  const generation = { projection: 'words', generation: 7, version: 1, state: 'live', position: store.start } as const;
  const told = { onProgress: () => undefined, onLive: () => undefined };
  await startRunner({ database, store, projection: words, generation, owner: newId(), ...told }).ended;
  expect((await database.pool.query('select name from leases')).rows).toEqual([]);
});

describe('waiting for a position', () => {
  it('refuses a position that is none, and one that the log has not reached, at once', async () => {
    const projections = await open();
    await projections.start();
    const { position } = await say('x');
    const malformed = { slug: 'position-malformed', kind: 'malformed' };
    await expect(projections.waitFor('words', 'x', 20_000)).rejects.toMatchObject(malformed);
    await expect(projections.waitForAll('-1', 20_000)).rejects.toMatchObject(malformed);
    const beyond = { slug: 'position-beyond-log', kind: 'malformed' };
    await expect(projections.waitFor('words', String(Number(position) + 1), 20_000)).rejects.toMatchObject(beyond);
    await projections.waitFor('words', position, 20_000);
  });

  it('is over when its time is, saying which read model is behind', async () => {
    const projections = await open(); // never started
    const { position } = await say('x');
    const before = Date.now();
    await expect(projections.waitFor('words', position, 300)).rejects.toMatchObject({
      slug: 'projection-behind',
      message: expect.stringContaining('words') as string,
    });
    expect(Date.now() - before).toBeGreaterThanOrEqual(290);
    expect(Date.now() - before).toBeLessThan(3_000);
  });

  it('is over when its time is, also while the log does not answer', async () => {
    const away = Promise.withResolvers<string>();
    const projections = await open({}, { ...store, head: () => away.promise });
    await projections.start();
    await expect(projections.waitFor('words', '0', 300)).rejects.toMatchObject({ slug: 'event-store-unavailable' });
    away.reject(new Error('the log does not answer'));
  });

  it('takes milliseconds where events come by hint', async () => {
    const projections = await open();
    await projections.start();
    await projections.waitFor('words', (await say('warm')).position, 20_000);
    const took: number[] = [];
    for (let tries = 0; tries < 5; tries += 1) {
      const { position } = await say('x');
      const before = performance.now();
      await projections.waitFor('words', position, 20_000);
      took.push(performance.now() - before);
    }
    expect(Math.min(...took)).toBeLessThan(500); // the machine may hold up some
  });
});

describe('the status', () => {
  it('tells how far behind a projection is, in events and in seconds', async () => {
    const projections = await open(); // not started yet
    expect(await statusOf(projections)).toMatchObject({ state: 'live', active: false, lagSeconds: 0, lagPositions: 0 });
    await say('x', 7);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const behind = await statusOf(projections);
    expect(behind).toMatchObject({ name: 'words', version: 1, position: store.start, lagPositions: 7 });
    expect(behind?.lagSeconds).toBeGreaterThanOrEqual(0.25);
    expect(behind?.lagSeconds).toBeLessThan(20);
    await projections.start();
    await projections.waitFor('words', await store.head(), 20_000);
    expect(await statusOf(projections)).toMatchObject({ active: true, lagSeconds: 0, lagPositions: 0, position: '7' });
  });
});

it('refuses names that are none, too long, or given twice', async () => {
  const opening = (...names: string[]) =>
    openProjections({ database, store, projections: names.map((name) => ({ ...words, name })) });
  await expect(opening('a-b')).rejects.toThrow(/not a name/);
  await expect(opening('x'.repeat(60))).rejects.toThrow(/not a name/);
  await expect(opening('a', 'b', 'a')).rejects.toThrow(/two projections are named a/);
});
