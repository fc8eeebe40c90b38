import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AUDIENCE_EXPORT_SCHEMA, AUDIENCE_EXPORT_VIEW, checkMapping } from '@waybill/contracts';
import { fold, WaybillError } from '@waybill/kernel';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { GRANT_EXPORT } from '../rows/testing/grant-export.js';
import { type Plan, type Run, runDecider } from '../run/index.js';
import { begun, plan as basicPlan } from '../run/testing/histories.js';
import { Boundaries, boundaryMigrations } from './boundaries.js';
import type { Step } from './deliver.js';
import { LOOK_AHEAD, LookAheads, mayHaveMore, pathsAhead, UNTOUCHED } from './look-ahead.js';
import { PartWork, partWorkMigrations } from './part-work.js';

const PROFILES = 24;
const scope = { tenant: 't', sandbox: 's' };
const never = new AbortController().signal;

let place: TestDatabase;
let database: Database;
let work: PartWork;
let boundaries: Boundaries;
let aheads: LookAheads;

beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'delivery' });
  await migrate(database, 'delivery', [...boundaryMigrations, ...partWorkMigrations]);
  // In the shape of the contract, in place of audience's own.
  await database.pool.query(`
    create schema ${AUDIENCE_EXPORT_SCHEMA};
    create table ${AUDIENCE_EXPORT_VIEW} as
      select 't' as tenant, 's' as sandbox, 's' as segment_id, to_char(n, 'fm0000') collate "C" as profile_id,
        'realized' as status, now() as since, 1::bigint as change, '{}'::jsonb as identities, '{}'::jsonb as attributes,
        now() as identified_at from generate_series(1, ${PROFILES}) n`);
  await database.pool.query(GRANT_EXPORT);
  work = new PartWork(database);
  boundaries = new Boundaries(database);
});
beforeEach(async () => {
  await database.pool.query('truncate part_work');
  aheads = new LookAheads(database, boundaries, work);
});
afterAll(async () => {
  await database.close();
  await place.drop();
});

const plan: Plan = {
  ...basicPlan,
  segment: { id: 's', name: 'Segment' },
  mapping: { ...basicPlan.mapping, fields: checkMapping([{ source: 'profile.id', target: 'id' }]) },
  files: { format: 'json', compression: 'none', manifest: true, maxRowsPerFile: 1 },
  previous: null,
  members: PROFILES,
};
const newRun = (): Run => ({ ...(fold(runDecider, begun) as Run), plan, runId: randomUUID() });
const waiting = async ({ runId }: Run): Promise<readonly number[]> => {
  const { rows } = await database.pool.query<{ part: number }>(
    'select part from part_work where run_id = $1 order by part',
    [runId],
  );
  return rows.map(({ part }) => part);
};
const untilOffered = async (run: Run, parts: readonly number[]) => {
  for (const end = Date.now() + 15_000; Date.now() < end && (await waiting(run)).length < parts.length;)
    await sleep(20);
  await sleep(50); // for one too many
  expect(await waiting(run)).toEqual(parts);
};
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const staged = (part: number): Step => ({ type: 'StagePart', part, rows: 1, bytes: 9 }) as unknown as Step;
const opened = async (run: Run) => {
  const ahead = await aheads.open(run, plan, scope, never);
  if (!ahead) throw new Error('there are too many');
  return ahead;
};

describe('the parts behind the one in hand', () => {
  it('are looked for only where there may be any', () => {
    const run = newRun();
    expect(mayHaveMore(run, plan)).toBe(true);
    expect(mayHaveMore(run, { ...plan, members: 1 })).toBe(false);
    const oneOf = (more: boolean) => ({ ...run, parts: [{ more }] }) as unknown as Run;
    expect(mayHaveMore(oneOf(true), { ...plan, members: 1 })).toBe(true);
    expect(mayHaveMore(oneOf(false), plan)).toBe(false);
  });

  it('are offered in bounded number, each where it begins and under its name, and more as the run goes on', async () => {
    const run = newRun();
    const ahead = await opened(run);
    expect(await ahead.outcomeOf(1)).toBe(UNTOUCHED);
    await untilOffered(run, numbers(2, 1 + LOOK_AHEAD));
    expect(await boundaries.endOf(run.runId, 4)).toBe('["0004"]');
    const taken = await work.take('ada', 60);
    expect(taken).toMatchObject({ part: 2, path: pathsAhead(run, plan)[1], snapshot: ahead.snapshot, ...scope });

    await work.complete(taken!, staged(2));
    expect(await ahead.outcomeOf(2)).toEqual(staged(2));
    await untilOffered(run, numbers(2, 2 + LOOK_AHEAD));
    await ahead.close(true);
    expect(await waiting(run)).toEqual([2]);
  });

  it('are not offered when they were asked for before, nor when they are asked for again', async () => {
    const run = newRun();
    const ahead = await opened(run);
    expect(await ahead.outcomeOf(PROFILES - 2)).toBe(UNTOUCHED);
    await untilOffered(run, numbers(PROFILES - 1, PROFILES));
    await work.complete((await work.take('ada', 60))!, staged(PROFILES - 1));
    expect(await ahead.outcomeOf(PROFILES - 1)).toEqual(staged(PROFILES - 1));
    expect(await ahead.outcomeOf(PROFILES - 1)).toBe(UNTOUCHED); // it was set aside
    await ahead.close(true);
  });

  it('are waited for, and fail as if whoever asks had failed, but for what another may reach', async () => {
    const run = newRun();
    const ahead = await opened(run);
    await untilOffered(run, numbers(2, 1 + LOOK_AHEAD));
    const [two, three] = [(await work.take('ada', 60))!, (await work.take('ada', 60))!];
    const outcome = ahead.outcomeOf(2);
    await work.fail(two, new WaybillError('partner-unavailable', 'unavailable', 'No answer.'));
    expect(await outcome).toMatchObject({
      ...{ type: 'Ours', mayHaveLeft: true },
      because: { slug: 'partner-unavailable', message: 'No answer.' },
    });
    await work.fail(three, new WaybillError('partner-storage-full', 'refused', 'No room.'));
    await expect(ahead.outcomeOf(3)).rejects.toMatchObject({ slug: 'partner-storage-full', kind: 'refused' });
    await ahead.close(true);
  });

  it('are given up when the database is lost that holds them as they were', async () => {
    const run = newRun();
    const ahead = await opened(run);
    await untilOffered(run, numbers(2, 1 + LOOK_AHEAD));
    await work.take('ada', 60);
    const outcome = ahead.outcomeOf(2);
    await database.pool.query(`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like 'copy %' and pid <> pg_backend_pid()`);
    await expect(outcome).rejects.toMatchObject({ slug: 'database-unavailable', kind: 'unavailable' });
    await ahead.close(false);
    expect(await waiting(run)).toEqual([2]);
  });

  it('are staged by who asks for them where no worker has them, or one was not heard of for a lease', async () => {
    const run = newRun();
    const ahead = await opened(run);
    await untilOffered(run, numbers(2, 1 + LOOK_AHEAD));
    const two = (await work.take('ada', 60))!;
    await database.pool.query(`update part_work set lease_until = now() - interval '1 second' where part = 2`);
    expect(await ahead.outcomeOf(2)).toEqual({ type: 'Ours', mayHaveLeft: true });
    expect(await work.complete(two, staged(2))).toBe(false);
    expect(await ahead.outcomeOf(3)).toEqual(UNTOUCHED);
    expect((await work.take('ada', 60))?.part).toBe(4);
    await ahead.close(false);
  });

  it('are staged by who asks for them where nothing is known of them any more', async () => {
    const run = newRun();
    const ahead = await opened(run);
    await untilOffered(run, numbers(2, 1 + LOOK_AHEAD));
    await work.take('ada', 60);
    const outcome = ahead.outcomeOf(2);
    await database.pool.query('delete from part_work where part = 2');
    expect(await outcome).toEqual({ type: 'Ours', mayHaveLeft: true });
    await ahead.close(false);
  });

  it('are scouted for a few runs at once, and for others when one of these ends', async () => {
    const open = [await opened(newRun()), await opened(newRun())];
    expect(await aheads.open(newRun(), plan, scope, never)).toBeUndefined();
    await open[0]!.close(true);
    open[0] = await opened(newRun());
    for (const ahead of open) await ahead.close(true);
  });
});
