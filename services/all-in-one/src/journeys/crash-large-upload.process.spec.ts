import type { Api } from './testing/api.js';
import { exportNow } from './testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from './testing/lane.js';
import type { WatchedPartner } from './testing/watched-partner.js';
import { startWatchedS3 } from './testing/watched-s3.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

/** Three parts of 8 MiB on S3, the last one not full, and hundreds of writes on SFTP. */
const rows = rowsOf(17, 1_000_000);

interface Upload {
  readonly start: () => Promise<WatchedPartner>;
  /** The names of the requests that carry the file's content. */
  readonly content: RegExp;
  /** How many of them have come through when the process is killed. */
  readonly cutAfter: Readonly<Record<'early' | 'late', number>>;
}
const SFTP: Upload = { start: startWatchedSftp, content: /^WRITE$/, cutAfter: { early: 1, late: 400 } };
const S3: Upload = { start: startWatchedS3, content: /^PUT .*partNumber/, cutAfter: { early: 1, late: 2 } };

describe('a process that is killed in the middle of a large upload', () => {
  let waybill: Waybill;
  let api: Api;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    waybill = await startWaybill({ DATABASE_URL: '' });
    api = waybill.api();
    await loadRows(api, rows);
    lanes = [];
    for (const { start } of [SFTP, S3]) {
      const lane = await openLane(api, await start(), 'Partner', { rows, files: { maxRowsPerFile: 100 } });
      lanes = [...lanes, lane];
    }
  });
  afterAll(async () => {
    await waybill.close();
    await Promise.all(lanes.map(({ partner }) => partner.stop()));
  });

  it.each(['early', 'late'] as const)(
    'is followed by one that uploads it anew, once, and leaves nothing (%s)',
    async (kill) => {
      const stopped = [SFTP, S3].map(({ content, cutAfter }, index) => {
        const { partner, begin } = lanes[index]!;
        begin();
        return partner.watch.stopAfter(cutAfter[kill], content);
      });
      const runIds = await Promise.all(lanes.map(({ destinationId }) => exportNow(api, destinationId)));
      await Promise.all(stopped);

      expect(lanes.map(({ partner }) => partner.files().size)).toEqual([0, 0]);
      expect(lanes.map(({ partner }) => partner.leftovers().length)).toEqual([1, 1]);
      await waybill.kill();
      lanes.forEach(({ partner }) => partner.watch.pass());
      await waybill.start();
      await Promise.all(lanes.map((lane, index) => lane.expectExactlyOnce(runIds[index]!)));
    },
    120_000,
  );
});
