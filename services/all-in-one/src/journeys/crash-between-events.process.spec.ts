import { randomUUID } from 'node:crypto';
import type { Api } from './testing/api.js';
import { bodyOf } from './testing/exports.js';
import { holdBefore } from './testing/held-log.js';
import { type Lane, loadRows, openLane, rowsOf } from './testing/lane.js';
import type { Page } from './testing/views.js';
import { startWatchedS3 } from './testing/watched-s3.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const rows = rowsOf(25, 100);

/** Around these the partner is asked nothing; what stands between the others is tried request by request elsewhere. */
const EVENTS = ['RunRequested', 'RunStarted', 'RunPlanned', 'RunCompleted'];

describe('a process that is killed before it has recorded', () => {
  let waybill: Waybill;
  let api: Api;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    waybill = await startWaybill({ DATABASE_URL: '' });
    api = waybill.api();
    await loadRows(api, rows);
    lanes = await Promise.all(
      [startWatchedSftp, startWatchedS3].map(async (start, lane) =>
        openLane(api, await start(), `Partner ${lane}`, { rows, files: { maxRowsPerFile: 10 } }),
      ),
    );
  });
  afterAll(async () => {
    await waybill.close();
    await Promise.all(lanes.map(({ partner }) => partner.stop()));
  });

  it.each(EVENTS)(
    '%s leaves what its successor makes whole: one run, each file once, the manifest last',
    async (event) => {
      lanes.forEach((lane) => lane.begin());
      const commands = lanes.map(({ destinationId }) => ({ destinationId, key: randomUUID() }));
      const ask = ({ destinationId, key }: (typeof commands)[number]) =>
        api.post<Page<{ id: string }>>(`/v1/destinations/${destinationId}/runs`, {}, { 'idempotency-key': key });

      const held = await holdBefore(waybill, event);
      const asking = Promise.allSettled(commands.map(ask)); // who was not answered asks again below
      await held.reached();
      await waybill.kill();
      await asking;
      await held.release();
      await waybill.start();

      for (const [index, lane] of lanes.entries()) {
        const { items } = bodyOf(await ask(commands[index]!));
        await lane.expectExactlyOnce(items[0]!.id);
      }
      const { items } = bodyOf(await api.get<Page<object>>('/v1/runs'));
      expect(items).toHaveLength(lanes.length * (1 + EVENTS.indexOf(event)));
    },
    60_000,
  );
});
