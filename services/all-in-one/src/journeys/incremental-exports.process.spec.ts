import { FIELDS, type SftpExports, startSftpExports } from './testing/sftp-exports.js';

let scene: SftpExports;

beforeAll(async () => {
  scene = await startSftpExports();
});
afterAll(() => scene.close());

describe('an incremental export', () => {
  /** On a day to come, so that nothing runs unless it is asked for. */
  const INCREMENTAL = {
    schedule: { mode: 'incremental', frequency: 'daily', at: '06:00', timeZone: 'UTC', startDate: '2099-01-01' },
  };
  const WITH_STATUS = [...FIELDS, { source: 'segment.status', target: 'status' }];

  it('holds everybody first, and then those whose membership changed since', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\nb@x.io,Bonn\nc@x.io,Ulm\n');
    const { id } = await scene.activated(segmentId, { activation: INCREMENTAL });
    const first = await scene.exported(id);
    expect(first).toMatchObject({ mode: 'incremental', counts: { written: 3 } });

    // One comes, one goes, and one only moves, which is no change of the membership.
    await scene.changeSegment(segmentId, 'email,city\na@x.io,Graz\nb@x.io,Bonn\nd@x.io,Jena\n', 'replace');
    const second = await scene.exported(id);
    expect(await scene.contentsOf(second)).toEqual(['email,city\r\nd@x.io,Jena\r\n']);
    expect(second.counts).toMatchObject({ written: 1, exited: 0 });

    const third = await scene.exported(id);
    expect(third).toMatchObject({ status: 'completed', files: [], counts: { written: 0 } });

    const [one, two, three] = await Promise.all([first, second, third].map(scene.manifestOf));
    expect(one?.previousManifest).toBeNull();
    expect(two?.previousManifest).toEqual({
      name: first.manifest?.path.split('/').at(-1),
      sha256: first.manifest?.sha256,
    });
    expect(three?.previousManifest).toEqual({
      name: second.manifest?.path.split('/').at(-1),
      sha256: second.manifest?.sha256,
    });
    expect(Number(two?.['watermark'])).toBeGreaterThan(Number(one?.['watermark']));
  });

  it('tells who exited only where the status is a column', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\nb@x.io,Bonn\n');
    const { id } = await scene.activated(segmentId, { activation: INCREMENTAL, fields: WITH_STATUS });
    await scene.exported(id);
    await scene.changeSegment(segmentId, 'email,city\nb@x.io,Bonn\n', 'replace');
    const run = await scene.exported(id);
    expect(await scene.contentsOf(run)).toEqual(['email,city,status\r\na@x.io,Wien,exited\r\n']);
    expect(run.counts).toMatchObject({ written: 1, exited: 1 });
  });

  it('that failed leaves nobody out of the next one', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\n');
    const { id } = await scene.activated(segmentId, { activation: INCREMENTAL });
    await scene.exported(id);
    await scene.changeSegment(segmentId, 'email,city\nb@x.io,Bonn\n', 'merge');
    scene.sftp.faults.onRequest = ({ name }) =>
      name === 'OPEN' ? { status: 3, message: 'Permission denied' } : undefined;
    expect(await scene.exported(id)).toMatchObject({ status: 'failed' });
    delete scene.sftp.faults.onRequest;
    await scene.changeSegment(segmentId, 'email,city\nc@x.io,Ulm\n', 'merge');
    expect(await scene.contentsOf(await scene.exported(id))).toEqual(['email,city\r\nb@x.io,Bonn\r\nc@x.io,Ulm\r\n']);
  });
});
