import { randomUUID } from 'node:crypto';
import { WaybillError } from '@waybill/kernel';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import type { Step } from './deliver.js';
import { PartWork, partWorkMigrations, type TakenPart } from './part-work.js';

let place: TestDatabase;
let database: Database;
let work: PartWork;

beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'delivery' });
  await migrate(database, 'delivery', partWorkMigrations);
  await database.pool.query('create table runs (state jsonb)');
  work = new PartWork(database);
});
beforeEach(() => database.pool.query('truncate part_work, runs'));
afterAll(async () => {
  await database.close();
  await place.drop();
});

const LEASE_SECONDS = 60;
const newRun = (attempt = 1) => ({ runId: randomUUID(), attempt });
const offer = async (run: { runId: string; attempt: number }, ...parts: readonly number[]) => {
  for (const part of parts) {
    await work.offer({ ...run, part, tenant: 't', sandbox: 's', path: `file_${part}.csv`, snapshot: 'snap' });
  }
};
const taken = async (worker: string): Promise<TakenPart> => {
  const part = await work.take(worker, LEASE_SECONDS);
  if (!part) throw new Error('there is no part to take');
  return part;
};
/** In these tests, time is what the table says. */
const expire = ({ take }: TakenPart) =>
  database.pool.query(`update part_work set lease_until = now() - interval '1 second' where take = $1`, [take]);
const stepOf = (part: number): Step => ({
  type: 'StagePart',
  part,
  ...{ path: `file_${part}.csv`, bytes: 12, sha256: 'aa', handle: { temporary: 'x' } },
  ...{ rows: 3, contentSha256: 'bb', contentBytes: 24, keyFingerprint: null, more: true },
  counts: { read: 3, written: 3, skipped: 0, failed: 0, exited: 0 },
  skippedBecause: {},
});
const NOTHING_DONE = { rows: 0, bytes: 0 };

describe('a part that is offered', () => {
  it('goes to one of many that ask at once, those that wait longest first', async () => {
    const run = newRun();
    await offer(run, 2, 3, 4);
    const takes = await Promise.all(Array.from({ length: 9 }, (_, n) => work.take(`worker ${n}`, LEASE_SECONDS)));
    expect(takes.flatMap((one) => one?.part ?? []).sort()).toEqual([2, 3, 4]);
    await offer(run, 5);
    await offer(newRun(), 2);
    expect(await taken('ada')).toMatchObject({ ...run, part: 5, worker: 'ada', path: 'file_5.csv', retaken: false });
  });

  it('stays with its holder while that renews, and tells how far it is', async () => {
    await offer(newRun(), 2);
    const ada = await taken('ada');
    expect(await work.renew(ada, LEASE_SECONDS, { rows: 5, bytes: 70 })).toBe(true);
    expect(await work.take('bob', LEASE_SECONDS)).toBeUndefined();
    expect((await database.pool.query('select rows, bytes from part_work')).rows).toEqual([{ rows: 5, bytes: 70 }]);
  });

  it('is answered with what was staged, or why it could not be', async () => {
    const run = newRun();
    await offer(run, 2, 3);
    expect(await work.outcomeOf(run, 2)).toBeUndefined();
    const [two, three] = [await taken('ada'), await taken('bob')];
    expect(await work.outcomeOf(run, 2)).toBeUndefined();
    expect(await work.complete(two, stepOf(2))).toBe(true);
    expect(await work.fail(three, new WaybillError('partner-storage-full', 'refused', 'No room.'))).toBe(true);
    expect(await work.outcomeOf(run, 2)).toMatchObject({ state: 'staged', step: stepOf(2) });
    expect(await work.outcomeOf(run, 3)).toMatchObject({
      state: 'failed',
      problem: { slug: 'partner-storage-full', kind: 'refused', detail: 'No room.' },
    });
  });

  it('is told to be gone when nothing is known of it', async () => {
    expect(await work.outcomeOf(newRun(), 2)).toEqual({ state: 'gone' });
  });
});

describe('a worker that does not hear that its part is recorded', () => {
  it('may try to fail it, and leaves it staged', async () => {
    const run = newRun();
    await offer(run, 2);
    const ada = await taken('ada');
    await work.complete(ada, stepOf(2)); // and the answer is lost
    expect(await work.fail(ada, new Error('Connection terminated'))).toBe(false);
    await work.leave(ada);
    expect(await work.outcomeOf(run, 2)).toMatchObject({ state: 'staged', step: stepOf(2) });
  });
});

describe('a worker that was not heard of for a lease', () => {
  it('loses its part to another, and all that it says later is refused', async () => {
    const run = newRun();
    await offer(run, 2);
    const ada = await taken('ada');
    await expire(ada);
    const bob = await taken('bob');
    expect(bob).toMatchObject({ part: 2, worker: 'bob', retaken: true });

    expect(await work.renew(ada, LEASE_SECONDS, NOTHING_DONE)).toBe(false);
    expect(await work.complete(ada, stepOf(2))).toBe(false);
    expect(await work.fail(ada, new Error('late'))).toBe(false);
    await work.giveBack(ada);
    await work.leave(ada);
    expect(await work.outcomeOf(run, 2)).toBeUndefined();
    expect(await work.complete(bob, stepOf(2))).toBe(true);
    expect(await work.complete(ada, { ...stepOf(2), path: 'late' } as Step)).toBe(false);
    expect(await work.outcomeOf(run, 2)).toMatchObject({ step: { path: 'file_2.csv' } });
  });

  it('is refused also when the part has come back to itself', async () => {
    await offer(newRun(), 2);
    const first = await taken('ada');
    await expire(first);
    const second = await taken('ada');
    expect(await work.complete(first, stepOf(2))).toBe(false);
    expect(await work.complete(second, stepOf(2))).toBe(true);
  });

  it('may complete it when nobody has taken it meanwhile', async () => {
    await offer(newRun(), 2);
    const ada = await taken('ada');
    await expire(ada);
    expect(await work.complete(ada, stepOf(2))).toBe(true);
  });
});

describe('the parts of a run', () => {
  it('that stops are begun by nobody, and given up by who has them', async () => {
    const [run, other] = [newRun(), newRun()];
    await offer(run, 2, 3);
    await offer(other, 2);
    const two = await taken('ada');
    await work.stop(run);
    expect(await work.stopping(run)).toBe(1);
    expect(await work.renew(two, LEASE_SECONDS, NOTHING_DONE)).toBe(false);
    expect(await work.complete(two, stepOf(2))).toBe(false);
    expect(await taken('bob')).toMatchObject(other);
    expect(await work.take('bob', LEASE_SECONDS)).toBeUndefined();
    await work.leave(two);
    expect(await work.stopping(run)).toBe(0);
  });

  it('that stops are waited for no longer than a lease', async () => {
    const run = newRun();
    await offer(run, 2);
    const two = await taken('ada');
    await work.stop(run);
    await expire(two);
    expect(await work.stopping(run)).toBe(0);
    expect(await work.take('bob', LEASE_SECONDS)).toBeUndefined();
  });

  it('are taken out of the hands of an earlier attempt, which tells what to discard', async () => {
    const run = newRun();
    await offer(run, 2, 3, 4);
    const [two, three] = [await taken('ada'), await taken('ada')];
    await work.complete(two, stepOf(2));
    expect(await work.clear({ ...run, attempt: 2 })).toEqual([stepOf(2)]);
    expect(await work.complete(three, stepOf(3))).toBe(false);
    expect(await work.take('bob', LEASE_SECONDS)).toBeUndefined();
  });

  it('are left alone by an earlier attempt that wakes up', async () => {
    const run = newRun(2);
    await offer(run, 2);
    const two = await taken('ada');
    const earlier = { ...run, attempt: 1 };
    await work.stop(earlier);
    expect(await work.clear(earlier)).toEqual([]);
    expect(await work.complete(two, stepOf(2))).toBe(true);
  });

  it('are forgotten up to the one that is recorded, and all of them when the run has ended', async () => {
    const [run, ended] = [newRun(), newRun()];
    await offer(run, 2, 3, 4);
    await offer(ended, 2);
    for (const [of, status] of [
      [run, 'running'],
      [ended, 'completed'],
    ] as const) {
      await database.pool.query('insert into runs values ($1)', [JSON.stringify({ runId: of.runId, status })]);
    }
    await work.settle(run, 3);
    await work.sweep();
    const { rows } = await database.pool.query('select run_id, part from part_work');
    expect(rows).toEqual([{ run_id: run.runId, part: 4 }]);
  });

  it('go back to those who wait when a worker goes down', async () => {
    await offer(newRun(), 2);
    await work.giveBack(await taken('ada'));
    expect(await taken('bob')).toMatchObject({ part: 2, retaken: true });
  });
});
