import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { eventually } from './testing/eventually.js';
import { bodyOf, endOf, type RunView } from './testing/exports.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';
import type { Page } from './testing/views.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

let scene: SftpExports;
let segmentId: string;

beforeAll(async () => {
  scene = await startSftpExports();
  segmentId = await scene.segmentOf('email,city\na@x.io,Wien\n');
});
afterAll(() => scene.close());

/** `HH:mm` and the day, of UTC. */
const clock = (instant: number) => {
  const text = new Date(instant).toISOString();
  return { at: text.slice(11, 16), startDate: text.slice(0, 10), timeZone: 'UTC' };
};
const activated = (schedule: object) =>
  scene.activated(segmentId, { activation: { schedule: { mode: 'full', ...schedule } } });
const runsOf = async (destinationId: string) =>
  bodyOf(await scene.api.get<Page<RunView>>(`/v1/runs?destinationId=${destinationId}`)).items;
/** As it stands in the name of a file. */
const stampOf = (slot: number) => new Date(slot).toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '_');

describe('a schedule', () => {
  /** The first whole minute that leaves the activations their time. */
  let slot: number;
  let once: string;
  let hourly: string;
  let disabled: string;
  let deactivated: string;

  beforeAll(async () => {
    slot = Math.ceil((Date.now() + 30_000) / MINUTE_MS) * MINUTE_MS;
    once = (await activated({ frequency: 'once', ...clock(slot) })).id;
    hourly = (await activated({ frequency: 'hourly', ...clock(slot) })).id;
    disabled = (await activated({ frequency: 'once', ...clock(slot) })).id;
    deactivated = (await activated({ frequency: 'once', ...clock(slot) })).id;
    bodyOf(await scene.api.post(`/v1/destinations/${disabled}/disable`));
    bodyOf(await scene.api.delete(`/v1/destinations/${deactivated}/segments/${segmentId}`));
  });

  it('whose slots were missed while nothing was running runs once, for the latest of them', async () => {
    const missed = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    const { id } = await activated({ frequency: 'hourly', ...clock(missed - 4 * HOUR_MS) });
    await eventually(
      () => inDatabase('select 1 from delivery.activations where destination_id = $1', [id]),
      (heard) => heard === 1,
    );
    await sleep(1_500); // the scheduler has looked by then: slots from before the activation do not count
    expect(await runsOf(id)).toEqual([]);

    await scene.waybill.stop();
    // As if nothing had been running since: nobody waits for hours.
    const since = new Date(missed - 3 * HOUR_MS - MINUTE_MS);
    const told = 'update delivery.activations set since = $2 where destination_id = $1';
    expect(await inDatabase(told, [id, since])).toBe(1);
    await scene.waybill.start();
    const [run] = await eventually(
      () => runsOf(id),
      (runs) => runs.length > 0,
      60_000,
    );
    const ended = await endOf(scene.api, run!.id);
    expect(ended).toMatchObject({ status: 'completed', files: [{ path: expect.stringContaining(stampOf(missed)) }] });
    await sleep(1_500);
    expect(await runsOf(id)).toHaveLength(1);
  }, 150_000);

  it('that is over is refused', async () => {
    const { id } = await scene.activated(segmentId);
    const schedule = { mode: 'full', frequency: 'once', ...clock(Date.now() - 2 * MINUTE_MS) };
    const answer = await scene.api.put(`/v1/destinations/${id}/segments/${segmentId}`, { schedule });
    expect(outcomeOf(answer)).toBe('422 schedule-over');
  });

  it('exports when its time has come, unless its destination is disabled or its segment off', async () => {
    await sleep(Math.max(0, slot - Date.now()));
    for (const id of [once, hourly]) {
      const [run] = await eventually(
        () => runsOf(id),
        (runs) => runs.length > 0,
      );
      const ended = await endOf(scene.api, run!.id);
      expect(ended).toMatchObject({ status: 'completed', files: [{ path: expect.stringContaining(stampOf(slot)) }] });
      expect(Date.parse(ended.startedAt!)).toBeGreaterThanOrEqual(slot);
      expect(await runsOf(id)).toHaveLength(1);
    }
    expect(await runsOf(disabled)).toEqual([]);
    expect(await runsOf(deactivated)).toEqual([]);
  }, 240_000);
});

/** How many rows that are. */
const inDatabase = async (statement: string, values: readonly unknown[]): Promise<number | null> => {
  const client = new pg.Client({ connectionString: scene.waybill.databaseUrl });
  await client.connect();
  try {
    return (await client.query(statement, [...values])).rowCount;
  } finally {
    await client.end();
  }
};
