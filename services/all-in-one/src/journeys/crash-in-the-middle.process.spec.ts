import type { Api } from './testing/api.js';
import { endOf, exportNow, receiverKey } from './testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from './testing/lane.js';
import type { StopPoint } from './testing/watched-partner.js';
import { startWatchedS3 } from './testing/watched-s3.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

/** As many runs as a process executes at once: one kill meets each of them at another point. */
const LANES = 4;
const rows = rowsOf(25, 6_000);

/** Nothing is recorded between these and the answer before: to be killed on either side of that is the same. */
const WITHIN_AN_UPLOAD = /^(OPEN|WRITE|fsync|CLOSE|PUT)/;

describe.each([
  { name: 'SFTP', start: startWatchedSftp },
  { name: 'S3', start: startWatchedS3 },
])('a process that is killed while it delivers to $name', ({ start }) => {
  let waybill: Waybill;
  let api: Api;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    // On its own embedded database, where what the killed process held is free at once.
    const [started, key] = await Promise.all([startWaybill({ DATABASE_URL: '' }), receiverKey()]);
    waybill = started;
    api = waybill.api();
    await loadRows(api, rows);
    const cargo = { rows, key, files: { compression: 'gzip', maxRowsPerFile: 10 } } as const;
    lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, lane) => openLane(api, await start(), `Partner ${lane}`, cargo)),
    );
  });
  afterAll(async () => {
    await waybill.close();
    await Promise.all(lanes.map(({ partner }) => partner.stop()));
  });

  it('between any two requests leaves what its successor makes whole: each file once, and the manifest last', async () => {
    const [first] = lanes as [Lane];
    first.begin();
    await first.expectExactlyOnce(await exportNow(api, first.destinationId));
    const requests = [...first.partner.watch.requests];
    const points = requests.flatMap((name, request): StopPoint[] => [
      ...(WITHIN_AN_UPLOAD.test(name) ? [] : [{ request, when: 'before' } as const]),
      { request, when: 'after' },
    ]);
    expect(points.length).toBeGreaterThan(2 * 4 * 3);

    const planned = points.length;
    let missed = 0;
    while (points.length > 0) {
      const under = lanes.slice(0, points.length).map((lane) => ({ lane, point: points.shift()! }));
      const stopped = under.map(({ lane, point }) => {
        lane.begin();
        return lane.partner.watch.stopAt(point);
      });
      const runIds = await Promise.all(under.map(({ lane }) => exportNow(api, lane.destinationId)));
      // Who stages which part differs from run to run, and with it the number of requests: the last point may not be reached.
      const ended = runIds.map((id) => endOf(api, id, 60_000).then(() => 1));
      const unreached = await Promise.all(
        stopped.map((reached, lane) => Promise.race([reached.then(() => 0), ended[lane]!])),
      );
      missed += unreached.reduce((sum, one) => sum + one, 0);
      await waybill.kill();
      under.forEach(({ lane }) => lane.partner.watch.pass());
      await waybill.start();
      for (const [index, { lane, point }] of under.entries()) {
        await lane.expectExactlyOnce(runIds[index]!).catch((error: unknown) => {
          const { request, when } = point;
          throw new Error(`killed ${when} request ${request} (${requests[request]}): ${String(error)}`, {
            cause: error,
          });
        });
      }
    }
    expect(missed).toBeLessThan(planned / 5);
  }, 600_000);
});
