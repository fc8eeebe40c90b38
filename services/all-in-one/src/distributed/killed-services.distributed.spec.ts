import { setTimeout as sleep } from 'node:timers/promises';
import { SERVICES } from '@waybill/contracts';
import type { Api } from '../journeys/testing/api.js';
import { endOf, exportNow } from '../journeys/testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from '../journeys/testing/lane.js';
import { type SftpPartner, startSftpPartner } from '../journeys/testing/sftp-partner.js';
import { startWatchedSftp } from '../journeys/testing/watched-sftp.js';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';
import { connectPatiently, expectOnce } from './testing/connecting.js';
import { killService, pidsOf, untilReady } from './testing/processes.js';

const rows = rowsOf(25, 6_000);

describe('a service that is killed', () => {
  let waybill: Waybill;
  let api: Api;
  let partner: SftpPartner;
  let lane: Lane;

  beforeAll(async () => {
    [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
    api = waybill.api();
    await loadRows(api, rows);
    lane = await openLane(api, await startWatchedSftp(), 'Partner', { rows, files: { maxRowsPerFile: 10 } });
  });
  afterAll(async () => {
    await waybill.close();
    await Promise.all([lane.partner.stop(), partner.stop()]);
  }, 60_000);

  it.each(SERVICES)(
    '(%s) in the middle of a connect process and of an export, is started again, and both end right',
    async (service) => {
      lane.begin();
      // Delivery itself is killed in the middle of an upload; whoever else is, while one goes on.
      const inUpload = service === 'delivery' ? lane.partner.watch.stopAt({ request: 4, when: 'before' }) : undefined;
      const runId = await exportNow(api, lane.destinationId);
      await inUpload;
      const connecting = connectPatiently(api, partner, `Killed ${service}`);
      await sleep(20);
      killService(waybill, service);
      if (inUpload) lane.partner.watch.pass();

      expect(await connecting).toMatchObject({ status: 'connected', revision: expect.any(Number) });
      await expectOnce(api, [`Killed ${service}`]);
      await untilReady(waybill);
      await endOf(api, runId, 90_000); // a killed worker's lease is its own for 20 s
      await lane.expectExactlyOnce(runId);
      expect(pidsOf(waybill, service)).toHaveLength(2);
    },
    180_000,
  );
});
