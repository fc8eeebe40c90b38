import { type Database, openDatabase } from '@waybill/postgres';
import { KinesisError, type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf } from './testing/exports.js';
import { untilHourHasAMinuteLeft } from './testing/hour.js';
import { kinesisPartner, report, setUpStream } from './testing/streams.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let server: KinesisServer;
let delivery: Database;
let api: Api;

beforeAll(async () => {
  [waybill, server] = await Promise.all([startWaybill(), startKinesisServer({ streams: { events: 1, backfills: 1 } })]);
  delivery = await openDatabase({ url: waybill.databaseUrl, schema: 'delivery' });
  api = waybill.api();
});
beforeEach(untilHourHasAMinuteLeft, 90_000);
afterAll(async () => {
  await delivery?.close();
  await waybill?.close();
  await server?.stop();
});

interface RunView {
  readonly id: string;
  readonly status: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly window: { readonly from: string; readonly to: string };
  readonly finishedAt: string | null;
  readonly stream?: { readonly backfills?: readonly { readonly done: boolean }[]; readonly lag?: { changes: number } };
}

it('Each hour of a stream is a run, which is completed with its counts when the hour is over', async () => {
  bodyOf(await api.put('/v1/segments/loyal', { name: 'Loyal' }));
  const id = await setUpStream(api, kinesisPartner(server, 'events'), 'loyal');
  const runs = async () => bodyOf(await api.get<{ items: RunView[] }>(`/v1/runs?destinationId=${id}`)).items;
  const counted = (counts: object) =>
    eventually(runs, ([run]) => JSON.stringify(run?.counts) === JSON.stringify(counts));
  await report(api, 'loyal', [
    { id: 'ada', firstName: 'Ada' },
    { id: 'bob', firstName: 'Bob' },
  ]);
  await report(api, 'loyal', [{ id: 'bob', firstName: 'Bob', status: 'exited' }]);
  await counted({ read: 3, written: 3, skipped: 0, failed: 0, exited: 1 });

  // As if it had been two hours ago, and nobody had told of it yet.
  await delivery.pool.query(`update stream_windows set hour = hour - interval '2 hours', told_at = null`);
  const over = await eventually(
    async () => (await runs()).find(({ status }) => status === 'completed'),
    (run) => run !== undefined,
  );
  expect(over?.counts).toEqual({ read: 3, written: 3, skipped: 0, failed: 0, exited: 1 });
  expect(Date.parse(over!.window.to) - Date.parse(over!.window.from)).toBe(3_600_000);
  expect(Date.parse(over!.window.to)).toBeLessThan(Date.now());
  expect(over?.finishedAt).not.toBeNull();
  expect(over?.stream).toBeUndefined();
  expect(bodyOf(await api.get<RunView>(`/v1/runs/${over?.id}`))).toEqual(over);

  await report(api, 'loyal', [{ id: 'ada', firstName: 'Augusta' }]);
  const now = await eventually(runs, (all) => all.some(({ counts }) => counts['read'] === 1));
  const running = now.find(({ counts }) => counts['read'] === 1);
  expect(running).toMatchObject({ status: 'running', counts: { written: 1, exited: 0 }, stream: { state: 'sending' } });
  expect(running?.id).not.toBe(over?.id);
});

it('A run tells how the members of a segment are being told, and how far live changes are behind', async () => {
  bodyOf(await api.put('/v1/segments/many', { name: 'Many' }));
  const members = Array.from({ length: 300 }, (_, n) => ({ id: `many ${n}`, firstName: 'M' }));
  await report(api, 'many', members);
  const id = await setUpStream(api, kinesisPartner(server, 'backfills'), 'many');
  const streamNow = async () =>
    bodyOf(await api.get<{ items: RunView[] }>(`/v1/runs?destinationId=${id}`)).items[0]?.stream;
  const done = await eventually(streamNow, (stream) => stream?.backfills?.[0]?.done === true, 30_000);
  expect(done?.backfills).toEqual([
    { segmentId: 'many', read: 300, done: true, finishedAt: expect.stringMatching(/Z$/) as unknown },
  ]);
  const caughtUp = await eventually(streamNow, (stream) => stream?.lag?.changes === 0, 30_000);
  expect(caughtUp?.lag).toEqual({ changes: 0, seconds: 0 });

  server.inject('PutRecords', { kind: 'answer', error: new KinesisError('InternalFailure', 'Not now.', 500) }, 1_000);
  await report(api, 'many', members.slice(0, 1));
  const behind = await eventually(streamNow, (stream) => stream?.lag?.changes === 1, 30_000);
  expect(behind?.lag).toEqual({ changes: 1, seconds: expect.any(Number) as unknown });
  server.reset();
  await eventually(streamNow, (stream) => stream?.lag?.changes === 0, 30_000);
}, 120_000);
