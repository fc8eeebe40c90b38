import { testDatabase, type TestDatabase } from './testing/index.js';
import { type Database, isTransient, openDatabase } from './index.js';

let place: TestDatabase;
let database: Database;
beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'shop' });
  await database.pool.query('create table things (id int primary key, n bigint)');
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
};

describe('a database', () => {
  it('makes its schema once and works in it, however many open it at the same time', async () => {
    const opened = await Promise.all(
      Array.from({ length: 12 }, () => openDatabase({ url: place.url, schema: 'crowded', maxConnections: 1 })),
    );
    await opened[0]?.pool.query('create table here ()');
    const { rows } =
      (await opened[7]?.pool.query(`select to_regclass('crowded.here') = to_regclass('here') as same`)) ?? {};
    expect(rows).toEqual([{ same: true }]);
    await Promise.all(opened.map((one) => one.close()));
  });

  it('needs no right to make schemas where an administrator has made its own', async () => {
    const role = `clerk_${Date.now()}`;
    await database.pool.query(
      `create role ${role} login password 'secret'; create schema prepared authorization ${role}`,
    );
    const url = Object.assign(new URL(place.url), { username: role, password: 'secret' }).href;
    const clerk = await openDatabase({ url, schema: 'prepared' });
    await clerk.pool.query('create table mine ()');
    await expect(openDatabase({ url, schema: 'another' })).rejects.toThrow(/permission denied/);
    await clerk.close();
    await database.pool.query(`drop owned by ${role}; drop role ${role}`);
  });

  it('reads int8 as a number', async () => {
    const { rows } = await database.pool.query('select 9007199254740991::int8 as n, count(*) as count from things');
    expect(rows).toEqual([{ n: 9007199254740991, count: 0 }]);
  });

  it('sees under a lock what was committed before the lock was had, whatever the default isolation of the server', async () => {
    await database.pool.query(
      `do $$ begin execute format('alter database %I set default_transaction_isolation = serializable', current_database()); end $$`,
    );
    const other = await openDatabase({ url: place.url, schema: 'shop' });
    const { rows } = await other.pool.query('show transaction isolation level');
    expect(rows).toEqual([{ transaction_isolation: 'read committed' }]);
    await other.close();
  });

  it('gives up a question that is not answered in time, and the connection with it; a transaction takes as long as it takes', async () => {
    const impatient = await openDatabase({ url: place.url, schema: 'shop', deadlineMs: 200 });
    for (const question of ['select pg_sleep(30)', { text: 'select pg_sleep($1)', values: [30] }]) {
      const error = await failureOf(impatient.pool.query(question));
      expect(isTransient(error)).toBe(true);
    }
    expect(await failureOf(impatient.pool.query('select pg_sleep($1)', [30]))).toMatchObject({
      message: 'Query read timeout',
    });
    expect(impatient.pool.totalCount).toBe(0);
    const { rows } = await impatient.transaction((client) => client.query('select 1 as one, pg_sleep(0.5)'));
    expect(rows).toMatchObject([{ one: 1 }]);
    await impatient.close();
  });

  it('refuses what is no schema name', async () => {
    for (const schema of ['', 'A', 'a-b', 'a"b', '1a', 'x'.repeat(42)]) {
      await expect(openDatabase({ url: place.url, schema })).rejects.toThrow(/not a schema name/);
    }
  });

  it('says that it is unavailable when nobody listens', async () => {
    const url = Object.assign(new URL(place.url), { port: '1' }).href;
    await expect(openDatabase({ url, schema: 'shop' })).rejects.toMatchObject({
      slug: 'database-unavailable',
      kind: 'unavailable',
    });
  });
});

describe('a transaction', () => {
  it('commits when its work resolves', async () => {
    expect(
      await database.transaction(async (client) => {
        await client.query('insert into things values (1, 1)');
        return 'done';
      }),
    ).toBe('done');
    expect((await database.pool.query('select from things where id = 1')).rowCount).toBe(1);
  });

  it('rolls back and rejects with the error when it does not, and the connection is as good as new', async () => {
    const one = await openDatabase({ url: place.url, schema: 'shop', maxConnections: 1 });
    const failing = one.transaction(async (client) => {
      await client.query('insert into things values (2, 2)');
      throw new Error('changed my mind');
    });
    await expect(failing).rejects.toThrow('changed my mind');
    expect((await one.pool.query('select from things where id = 2')).rowCount).toBe(0);
    await one.close();
  });

  it('rejects, and its pool goes on, when the connection is cut in the middle', async () => {
    const error = await failureOf(
      database.transaction(async (client) => {
        await client.query('insert into things values (3, 3)');
        await client.query('select pg_terminate_backend(pg_backend_pid())');
      }),
    );
    expect(isTransient(error)).toBe(true);
    expect((await database.pool.query('select from things where id = 3')).rowCount).toBe(0);
  });
});

describe('trouble of the database, and not of the work', () => {
  it.each([
    ['a session that the server ended', () => database.pool.query('select pg_terminate_backend(pg_backend_pid())')],
    [
      'a silent server',
      () => database.pool.query({ text: 'select pg_sleep(5)', query_timeout: 50 } as { text: string }),
    ],
    [
      'a refused connection',
      () =>
        openDatabase({ url: Object.assign(new URL(place.url), { port: '1' }).href, schema: 'shop' }).catch(
          (error: Error) => Promise.reject(error.cause as Error),
        ),
    ],
    [
      'an unknown host',
      () =>
        openDatabase({
          url: Object.assign(new URL(place.url), { hostname: 'nowhere.invalid' }).href,
          schema: 'shop',
        }).catch((error: Error) => Promise.reject(error.cause as Error)),
    ],
  ])('is %s', async (_, work) => {
    expect(isTransient(await failureOf(work()))).toBe(true);
  });

  it('is a deadlock', async () => {
    await database.pool.query('insert into things values (11, 0), (12, 0)');
    const crossing = (first: number, second: number, mine: PromiseWithResolvers<void>, theirs: Promise<void>) =>
      database.transaction(async (client) => {
        await client.query('update things set n = 1 where id = $1', [first]);
        mine.resolve();
        await theirs;
        await client.query('update things set n = 1 where id = $1', [second]);
      });
    const [one, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const results = await Promise.allSettled([
      crossing(11, 12, one, other.promise),
      crossing(12, 11, other, one.promise),
    ]);
    const failures = results.filter((result) => result.status === 'rejected');
    expect(failures.map(({ reason }) => isTransient(reason))).toEqual([true]);
  });

  it.each([
    ['a syntax error', () => database.pool.query('selec')],
    ['a broken constraint', () => database.pool.query('insert into things values (21, 0), (21, 0)')],
    ['an error of our own', () => Promise.reject(new Error('timeout of something else'))],
    ['nothing at all', () => Promise.reject(undefined as unknown as Error)],
  ])('is not %s', async (_, work: () => Promise<unknown>) => {
    expect(isTransient(await failureOf(work()))).toBe(false);
  });
});
