import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf, endOf, exportNow, type RunView } from './testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from './testing/lane.js';
import { sha256 } from './testing/sightings.js';
import { startWatchedS3 } from './testing/watched-s3.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const ROWS_A_FILE = 10;
const rows = rowsOf(78, 100);
/** The requests that carry the content of a file. */
const CONTENT = /^WRITE$|^PUT .*partNumber/;

/** Two lanes, SFTP and S3, whose runs have more parts than one process writes at once. */
describe('a run of many parts', () => {
  const masterKey = randomBytes(32).toString('base64');
  let first: Waybill;
  let second: Waybill;
  let api: Api;
  let database: pg.Client;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    first = await startWaybill({ WAYBILL_MASTER_KEY: masterKey });
    second = await startWaybill({ WAYBILL_MASTER_KEY: masterKey, DATABASE_URL: first.databaseUrl });
    database = new pg.Client({ connectionString: first.databaseUrl });
    await database.connect();
    api = first.api();
    await loadRows(api, rows);
    lanes = await Promise.all(
      [startWatchedSftp, startWatchedS3].map(async (start, lane) =>
        openLane(api, await start(), `Partner ${lane}`, { rows, files: { maxRowsPerFile: ROWS_A_FILE } }),
      ),
    );
  });
  afterAll(async () => {
    second.goOn();
    await database.end();
    await second.close();
    await first.close();
    await Promise.all(lanes.map(({ partner }) => partner.stop()));
  }, 60_000);

  const begin = (delayMs: number) =>
    lanes.forEach((lane) => {
      lane.begin();
      lane.partner.watch.slowDown(CONTENT, delayMs);
    });
  const exportAll = () => Promise.all(lanes.map(({ destinationId }) => exportNow(api, destinationId)));
  /** The parts of a run that a process says this of: taken, staged. */
  const partsOf = ({ output }: Waybill, runId: string, what: string): readonly number[] =>
    [...output.matchAll(new RegExp(`part (\\d+) of run ${runId}, attempt \\d+, is ${what}`, 'g'))].map(([, part]) =>
      Number(part),
    );
  const untilBothHaveParts = (runIds: readonly string[]) =>
    eventually(
      () =>
        Promise.resolve([first, second].map((one) => runIds.flatMap((runId) => partsOf(one, runId, 'taken')).length)),
      (taken) => taken.every((parts) => parts > 0),
    );
  const expectAll = async (runIds: readonly string[]) => {
    const runs = await Promise.all(runIds.map((runId) => endOf(api, runId, 90_000)));
    for (const [index, lane] of lanes.entries()) await lane.expectExactlyOnce(runIds[index]!);
    await expectNoWork();
    return runs;
  };
  /** A run is completed before its last work is cleared away. */
  const expectNoWork = () =>
    eventually(
      async () => (await database.query<object>('select * from delivery.part_work')).rows,
      (work) => work.length === 0,
    );
  const factsOf = ({ files }: RunView) =>
    files.map(({ path, rows: written, bytes, contentSha256 }, index) => ({
      ...{ written, bytes, contentSha256 },
      isPart: path.endsWith(index === 0 ? '.csv' : `_${index + 1}.csv`),
    }));

  it('is staged by the workers of two processes, file for file as it is by one', async () => {
    const sorted = [...rows].sort();
    const expected = Array.from({ length: Math.ceil(rows.length / ROWS_A_FILE) }, (_, index) => {
      const written = sorted.slice(index * ROWS_A_FILE, (index + 1) * ROWS_A_FILE);
      const content = Buffer.from(['id,note', ...written, ''].join('\r\n'));
      return { written: written.length, bytes: content.length, contentSha256: sha256(content), isPart: true };
    });
    await second.stop();
    begin(0);
    for (const run of await expectAll(await exportAll())) expect(factsOf(run)).toEqual(expected);

    await second.start();
    begin(700);
    const runIds = await exportAll();
    for (const run of await expectAll(runIds)) expect(factsOf(run)).toEqual(expected);
    for (const process of [first, second]) {
      expect(runIds.flatMap((runId) => partsOf(process, runId, 'staged')).length).toBeGreaterThan(0);
    }
  }, 120_000);

  it('tells how far all parts in hand are', async () => {
    begin(1_500);
    const runIds = await exportAll();
    const ahead = await eventually(
      async () => bodyOf(await api.get<RunView>(`/v1/runs/${runIds[0]!}`)),
      ({ files, progress }) => progress.rows > (files.length + 1) * ROWS_A_FILE,
    );
    expect(ahead.status).toBe('running');
    expect(ahead.progress.rows).toBeLessThanOrEqual(rows.length);
    await expectAll(runIds);
  }, 90_000);

  it('is staged once and wholly when one of the processes is killed in the middle of its parts', async () => {
    begin(1_500);
    const runIds = await exportAll();
    await untilBothHaveParts(runIds);
    await second.kill();
    await expectAll(runIds);
    await second.start();
  }, 120_000);

  it('takes its parts away from a process that hangs, which is refused when it wakes up and leaves nothing', async () => {
    begin(1_500);
    const runIds = await exportAll();
    await untilBothHaveParts(runIds);
    second.hang();
    await sleep(200); // until all that it has said is here, and in the database
    const { rows: taken } = await database.query<{ run: string; part: number; worker: string }>(
      `select run_id as run, part, worker from delivery.part_work where state = 'taken'`,
    );
    const isOfSecond = ({ run, part }: { run: string; part: number }) => partsOf(second, run, 'taken').includes(part);
    const worker = taken.find(isOfSecond)?.worker;
    const held = taken.filter((one) => one.worker === worker);
    expect(held.length).toBeGreaterThan(0);
    await expectAll(runIds);
    second.goOn();
    await eventually(
      () => Promise.resolve(second.output.match(/was taken from this worker/g)?.length ?? 0),
      (refused) => refused === held.length,
    );
    for (const [index, lane] of lanes.entries()) await lane.expectExactlyOnce(runIds[index]!);
  }, 120_000);

  it('stops in all processes when it is cancelled, and leaves nothing but the files that were published', async () => {
    begin(3_000);
    const runIds = await exportAll();
    await untilBothHaveParts(runIds);
    for (const runId of runIds) bodyOf(await api.post(`/v1/runs/${runId}/cancel`));
    for (const [index, { partner }] of lanes.entries()) {
      const run = await endOf(api, runIds[index]!);
      expect(run).toMatchObject({ status: 'cancelled', manifest: null });
      expect(run.leftBehind).toBeUndefined();
      expect([...partner.files().keys()]).toEqual(run.files.map(({ path }) => path));
      expect(partner.leftovers()).toEqual([]);
    }
    await expectNoWork();
    begin(0);
    await expectAll(await exportAll());
  }, 120_000);
});
