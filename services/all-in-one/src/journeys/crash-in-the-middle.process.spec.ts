import { randomBytes } from 'node:crypto';
import type { Api } from './testing/api.js';
import { endOf, expectWholeDelivery, exportNow, loadSegment, receiverKey, setUpDelivery } from './testing/exports.js';
import type { StopPoint, WatchedPartner } from './testing/watched-partner.js';
import { startWatchedS3 } from './testing/watched-s3.js';
import { startWatchedSftp } from './testing/watched-sftp.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

/** As many runs as a process executes at once: one kill meets each of them at another point. */
const LANES = 4;
const MEMBERS = 25;
const FILES = { format: 'csv', compression: 'gzip', maxRowsPerFile: 10 };

const rows = Array.from({ length: MEMBERS }, (_, index) =>
  [`member-${index + 10}`, randomBytes(4_500).toString('base64')].join(','),
);

/** Nothing is recorded between these and the answer before: to be killed on either side of that is the same. */
const WITHIN_AN_UPLOAD = /^(OPEN|WRITE|fsync|CLOSE|PUT)/;

interface Lane {
  readonly partner: WatchedPartner;
  readonly destinationId: string;
}

describe.each([
  { name: 'SFTP', start: startWatchedSftp },
  { name: 'S3', start: startWatchedS3 },
])('a process that is killed while it delivers to $name', ({ start }) => {
  let waybill: Waybill;
  let api: Api;
  let key: Awaited<ReturnType<typeof receiverKey>>;
  let lanes: readonly Lane[] = [];

  beforeAll(async () => {
    // On its own embedded database, where what the killed process held is free at once.
    [waybill, key] = await Promise.all([startWaybill({ DATABASE_URL: '' }), receiverKey()]);
    api = waybill.api();
    await loadSegment(api, 'members', 'id', ['id,note', ...rows, ''].join('\n'));
    lanes = await Promise.all(
      Array.from({ length: LANES }, async (_, number) => {
        const partner = await start();
        const destination = await setUpDelivery(api, {
          ...{ name: `Partner ${number}`, ...partner, encryptionKey: key.armored, files: FILES },
          ...{ segmentId: 'members', identity: 'id', attributes: ['note'] },
        });
        return { partner, destinationId: destination.id };
      }),
    );
  }, 90_000);
  afterAll(async () => {
    await waybill.close();
    await Promise.all(lanes.map(({ partner }) => partner.stop()));
  });

  const begin = ({ partner }: Lane) => {
    partner.empty();
    partner.watch.sightings.forget();
    partner.watch.pass();
  };

  /** Three files with each row once, then the manifest; nothing that came later under the same name, nothing left. */
  const expectExactlyOnce = async ({ partner }: Lane, runId: string) => {
    const run = await endOf(api, runId);
    partner.watch.look();
    const { sightings } = partner.watch;
    const contents = await expectWholeDelivery(run, partner.files(), key.open);
    const delivered = contents.flatMap((content) => content.toString().trimEnd().split(/\r?\n/).slice(1));
    expect(contents).toHaveLength(3);
    expect(delivered.sort()).toEqual([...rows].sort());
    expect(sightings.wrong).toEqual([]);
    expect(sightings.seen).toEqual([...run.files, run.manifest!].map(({ path, sha256 }) => [path, sha256]));
    expect(partner.leftovers()).toEqual([]);
  };

  it('between any two requests leaves what its successor makes whole: each file once, and the manifest last', async () => {
    begin(lanes[0]!);
    await expectExactlyOnce(lanes[0]!, await exportNow(api, lanes[0]!.destinationId));
    const requests = [...lanes[0]!.partner.watch.requests];
    const points = requests.flatMap((name, request): StopPoint[] => [
      ...(WITHIN_AN_UPLOAD.test(name) ? [] : [{ request, when: 'before' } as const]),
      { request, when: 'after' },
    ]);
    expect(points.length).toBeGreaterThan(2 * 4 * 3);

    while (points.length > 0) {
      const under = lanes.slice(0, points.length).map((lane) => ({ lane, point: points.shift()! }));
      const stopped = under.map(({ lane, point }) => {
        begin(lane);
        return lane.partner.watch.stopAt(point);
      });
      const runIds = await Promise.all(under.map(({ lane }) => exportNow(api, lane.destinationId)));
      await Promise.all(stopped);
      await waybill.kill();
      under.forEach(({ lane }) => lane.partner.watch.pass());
      await waybill.start();
      for (const [index, { lane, point }] of under.entries()) {
        await expectExactlyOnce(lane, runIds[index]!).catch((error: unknown) => {
          const { request, when } = point;
          throw new Error(`killed ${when} request ${request} (${requests[request]}): ${String(error)}`, {
            cause: error,
          });
        });
      }
    }
  }, 300_000);
});
