import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase, type TestDatabase } from './testing/index.js';
import {
  acquireLease,
  type Database,
  endLease,
  freeLeases,
  holdsLease,
  keepLease,
  type Lease,
  leaseMigrations,
  migrate,
  openDatabase,
  releaseLease,
} from './index.js';

let place: TestDatabase;
let database: Database;
beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'leases' });
  await migrate(database, 'leases', leaseMigrations);
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

let names = 0;
const newName = (): string => `work ${(names += 1)}`;
const take = (name: string, owner: string, seconds = 60) => acquireLease(database, name, owner, seconds);
const taken = async (name: string, owner: string): Promise<Lease> => {
  const lease = await take(name, owner);
  if (!lease) throw new Error('the lease is held');
  return lease;
};
/** In these tests, time is what the table says. */
const expire = (name: string) =>
  database.pool.query(`update leases set expires_at = now() - interval '1 second' where name = $1`, [name]);
const holds = (lease: Lease) => database.transaction((client) => holdsLease(client, lease));

describe('a lease', () => {
  it('goes to one of 12 that ask at the same time', async () => {
    const name = newName();
    const leases = await Promise.all(Array.from({ length: 12 }, (_, n) => take(name, `owner ${n}`)));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('is renewed by its holder under the same epoch, and refused to others meanwhile', async () => {
    const name = newName();
    expect(await take(name, 'ada')).toEqual({ name, owner: 'ada', epoch: 1 });
    expect(await take(name, 'ada')).toEqual({ name, owner: 'ada', epoch: 1 });
    expect(await take(name, 'bob')).toBeUndefined();
  });

  it('is kept for longer than it lasts, until that is disposed of', async () => {
    const name = newName();
    const until = async () => {
      const { rows } = await database.pool.query<{ at: Date }>('select expires_at as at from leases where name = $1', [
        name,
      ]);
      return rows[0]!.at.getTime();
    };
    const lease = await taken(name, 'ada');
    {
      using kept = keepLease(database, lease, 0.3);
      const first = await until();
      while ((await until()) === first) await sleep(20);
      expect(kept.lost.aborted).toBe(false);
    }
    await sleep(100); // one that is under way may land still
    const last = await until();
    await sleep(400);
    expect(await until()).toBe(last);
    expect(await take(name, 'bob')).toMatchObject({ owner: 'bob' });
  });

  it('is free at once when it is given up while a renewal is under way', async () => {
    const name = newName();
    const lease = await taken(name, 'ada');
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const landed = Promise.withResolvers<void>();
    const query = async (sql: string, values: unknown[]) => {
      asked.resolve();
      await gate.promise;
      return database.pool.query(sql, values).finally(landed.resolve);
    };
    const kept = keepLease({ ...database, pool: { query } as unknown as Database['pool'] }, lease, 3);
    await asked.promise;
    kept[Symbol.dispose]();
    await releaseLease(database, lease);
    gate.resolve();
    await landed.promise;
    expect(await take(name, 'bob')).toMatchObject({ owner: 'bob', epoch: 2 });
  });

  it('that was ended is known to be lost by who still keeps it, and is not taken again for that', async () => {
    const name = newName();
    const lease = await taken(name, 'ada');
    using kept = keepLease(database, lease, 0.3);
    await endLease(database, lease);
    if (!kept.lost.aborted) await once(kept.lost, 'abort');
    const { rows } = await database.pool.query('select from leases where name = $1', [name]);
    expect(rows).toEqual([]);
  });

  it('that is kept is known to be lost when another has it, also when it has come back since', async () => {
    const names = [newName(), newName()];
    const leases = await Promise.all(names.map((name) => taken(name, 'ada')));
    for (const name of names) {
      await expire(name);
      await taken(name, 'bob');
    }
    await expire(names[1]!);
    await taken(names[1]!, 'ada');
    for (const lease of leases) {
      using kept = keepLease(database, lease, 0.3);
      if (!kept.lost.aborted) await once(kept.lost, 'abort');
    }
  });

  it('runs out by the clock of the server', async () => {
    const name = newName();
    await take(name, 'ada', 2);
    let heir = await take(name, 'bob');
    expect(heir).toBeUndefined();
    while (!heir) {
      await sleep(50);
      heir = await take(name, 'bob');
    }
    expect(heir).toMatchObject({ owner: 'bob', epoch: 2 });
  });

  it('fences off who held it before', async () => {
    const name = newName();
    const first = await taken(name, 'ada');
    expect(await holds(first)).toBe(true);
    await expire(name);
    expect(await holds(first)).toBe(true); // nobody else has it
    const second = await taken(name, 'bob');
    expect(second.epoch).toBe(2);
    expect(await holds(first)).toBe(false);
    expect(await holds(second)).toBe(true);
    await expire(name);
    expect(await taken(name, 'ada')).toMatchObject({ epoch: 3 });
    expect(await holds(first)).toBe(false);
  });

  it('is not taken over in the middle of a transaction that made sure of it', async () => {
    const name = newName();
    const lease = await taken(name, 'ada');
    await expire(name);
    const order: string[] = [];
    let takeover: Promise<unknown> = Promise.resolve();
    await database.transaction(async (client) => {
      expect(await holdsLease(client, lease)).toBe(true);
      takeover = take(name, 'bob').then(() => order.push('taken over'));
      await new Promise((resolve) => setTimeout(resolve, 200));
      order.push('committed');
    });
    await takeover;
    expect(order).toEqual(['committed', 'taken over']);
  });

  it('is free at once when it is released or ended, and no longer by who lost it', async () => {
    for (const giveUp of [releaseLease, endLease]) {
      const name = newName();
      const first = await taken(name, 'ada');
      await giveUp(database, first);
      const second = await taken(name, 'bob');
      await giveUp(database, first);
      expect(await holds(second)).toBe(true);
      expect(await take(name, 'ada')).toBeUndefined();
    }
  });

  it('of a process that was killed is free at once for the only process there is', async () => {
    const names = [newName(), newName()];
    for (const name of names) await take(name, 'killed');
    await freeLeases(database);
    for (const name of names) expect(await take(name, 'heir')).toMatchObject({ owner: 'heir', epoch: 2 });
  });
});
