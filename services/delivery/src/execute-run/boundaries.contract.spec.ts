import { randomUUID } from 'node:crypto';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { Boundaries, boundaryMigrations } from './boundaries.js';

let place: TestDatabase;
let database: Database;
let boundaries: Boundaries;

beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'delivery' });
  await migrate(database, 'delivery', boundaryMigrations);
  await database.pool.query('create table runs (state jsonb)');
  boundaries = new Boundaries(database);
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
const runOf = async (state: { readonly status: string; readonly finishedAt: string | null }): Promise<string> => {
  const runId = randomUUID();
  await database.pool.query('insert into runs (state) values ($1)', [JSON.stringify({ runId, ...state })]);
  await boundaries.keep({ runId, attempt: 1 }, 1, 'profile-7');
  return runId;
};

describe('where the parts of a run ended', () => {
  it('is told until the run ends, and never for a part that was not kept', async () => {
    const runId = await runOf({ status: 'running', finishedAt: null });
    expect(await boundaries.endOf(runId, 0)).toBeNull();
    expect(await boundaries.endOf(runId, 1)).toBe('profile-7');
    await expect(boundaries.endOf(runId, 2)).rejects.toThrow(/lost the end of its part 2/);
    await boundaries.forget(runId);
    await expect(boundaries.endOf(runId, 1)).rejects.toThrow(/lost the end of its part 1/);
  });

  it('is what the newest attempt says: an older one that wakes up changes nothing', async () => {
    const runId = await runOf({ status: 'running', finishedAt: null });
    await boundaries.keep({ runId, attempt: 1 }, 1, 'profile-8');
    await boundaries.keep({ runId, attempt: 2 }, 1, 'profile-9');
    await expect(boundaries.keep({ runId, attempt: 1 }, 1, 'profile-8')).rejects.toMatchObject({
      slug: 'run-attempt-superseded',
    });
    expect(await boundaries.endOf(runId, 1)).toBe('profile-9');
  });

  it.each([
    ['runs', { status: 'running', finishedAt: null }, true],
    ['waits', { status: 'queued', finishedAt: null }, true],
    ['failed a month ago less a day', { status: 'failed', finishedAt: daysAgo(29) }, true],
    ['failed longer ago than it can be retried', { status: 'failed', finishedAt: daysAgo(32) }, false],
    ['is complete', { status: 'completed', finishedAt: daysAgo(0) }, false],
    ['was cancelled', { status: 'cancelled', finishedAt: daysAgo(0) }, false],
  ])('of a run that %s stays only as long as somebody may go on there', async (_, state, stays) => {
    const runId = await runOf(state);
    await boundaries.sweep();
    const end = boundaries.endOf(runId, 1);
    if (stays) expect(await end).toBe('profile-7');
    else await expect(end).rejects.toThrow(/lost/);
  });
});
