import { randomBytes } from 'node:crypto';
import { eventually } from './testing/eventually.js';
import { endOf, expectWholeDelivery, exportNow, loadSegment, setUpDelivery } from './testing/exports.js';
import type { WatchedPartner } from './testing/watched-partner.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const rows = Array.from({ length: 25 }, (_, index) => `member-${index + 10},${index}`);

describe('a worker that hangs for longer than its lease', () => {
  const masterKey = randomBytes(32).toString('base64');
  let partner: WatchedPartner;
  let hung: Waybill;
  let other: Waybill;

  beforeAll(async () => {
    [partner, hung] = await Promise.all([startWatchedSftp(), startWaybill({ WAYBILL_MASTER_KEY: masterKey })]);
    other = await startWaybill({ WAYBILL_MASTER_KEY: masterKey, DATABASE_URL: hung.databaseUrl });
  });
  afterAll(async () => {
    hung.goOn();
    await other.close();
    await hung.close();
    await partner.stop();
  });

  it('finds its run in the hands of another when it wakes up, and adds nothing to what that one delivers', async () => {
    const api = hung.api();
    await loadSegment(api, 'members', 'id', ['id,note', ...rows, ''].join('\n'));
    const { id } = await setUpDelivery(api, {
      ...{ name: 'Partner', ...partner, files: { maxRowsPerFile: 10 } },
      ...{ segmentId: 'members', identity: 'id', attributes: ['note'] },
    });
    await other.stop();
    const stopped = partner.watch.stopAt({ request: 4, when: 'before' }); // in the middle of the first upload
    const runId = await exportNow(api, id);
    await stopped;
    hung.hang();
    partner.watch.pass();
    await other.start();

    const run = await endOf(other.api(), runId, 60_000);
    hung.goOn();
    await eventually(
      () => Promise.resolve(hung.output),
      (output) => output.includes('attempt 1 stops here, and another goes on'),
    );
    const contents = await expectWholeDelivery(run, partner.files(), (file) => Promise.resolve(file));
    expect(contents.flatMap((content) => content.toString().trimEnd().split('\r\n').slice(1)).sort()).toEqual(rows);
    partner.watch.look();
    const { wrong, seen } = partner.watch.sightings;
    expect(wrong).toEqual([]);
    expect(seen).toEqual([...run.files, run.manifest!].map(({ path, sha256 }) => [path, sha256]));
    await eventually(
      () => Promise.resolve(partner.leftovers()),
      (left) => left.length === 0,
    );
  }, 120_000);
});
