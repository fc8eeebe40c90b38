import type { SftpRequest } from '@waybill/testkit/sftp-server';
import { bodyOf, endOf, exportNow, runOf, type RunView } from './testing/exports.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';
import type { Page } from './testing/views.js';

let scene: SftpExports;

beforeAll(async () => {
  scene = await startSftpExports();
});
afterAll(() => scene.close());
afterEach(() => {
  delete scene.sftp.faults.onRequest;
});

const MEMBERS = 'email,city\na@x.io,Wien\nb@x.io,Bonn\n';
const ROWS = 'email,city\r\na@x.io,Wien\r\nb@x.io,Bonn\r\n';
const control = (id: string, wanted: 'cancel' | 'retry') => scene.api.post<RunView>(`/v1/runs/${id}/${wanted}`);
const until = (id: string, wanted: RunView['status']) =>
  eventually(
    () => runOf(scene.api, id),
    ({ status }) => status === wanted,
  );

/** Holds such requests at the partner until it is called. */
const hold = (isHeld: (request: SftpRequest) => boolean): (() => void) => {
  let letGo!: () => void;
  const until = new Promise<void>((resolve) => (letGo = resolve));
  scene.sftp.faults.onRequest = (request) => (isHeld(request) ? { until } : undefined);
  return letGo;
};

describe('exports of one segment at once', () => {
  it('wait for their turn, and go one after the other, but for those that were cancelled meanwhile', async () => {
    const { id } = await scene.activated(await scene.segmentOf(MEMBERS));
    const letGo = hold(({ name }) => name === 'OPEN');
    const first = await exportNow(scene.api, id);
    const [second, third] = [await exportNow(scene.api, id), await exportNow(scene.api, id)];
    await until(first, 'running');
    // The list may not know yet that the first one runs.
    await eventually(
      async () => bodyOf(await scene.api.get<Page<RunView>>(`/v1/runs?destinationId=${id}&status=queued`)).items,
      (waiting) => waiting.map((run) => run.id).join() === [third, second].join(),
    );
    expect(bodyOf(await control(second, 'cancel'))).toMatchObject({ status: 'cancelled', startedAt: null });
    letGo();

    const ended = await Promise.all([first, second, third].map((run) => endOf(scene.api, run)));
    expect(ended.map(({ status }) => status)).toEqual(['completed', 'cancelled', 'completed']);
    const [one, two, three] = ended;
    expect(three!.startedAt! >= one!.finishedAt!).toBe(true);
    expect(two!.files).toEqual([]);
    expect(await scene.contentsOf(one!)).toEqual([ROWS]);
    expect(three!.files[0]!.contentSha256).toBe(one!.files[0]!.contentSha256);
    expect(three!.files[0]!.path).not.toBe(one!.files[0]!.path);
    expect((await scene.manifestOf(three!)).previousManifest).toMatchObject({ sha256: one!.manifest!.sha256 });
  });
});

describe('a run under way', () => {
  it('tells how far it is', async () => {
    const { id } = await scene.activated(await scene.segmentOf(MEMBERS), { files: { maxRowsPerFile: 1 } });
    const letGo = hold(({ name, path }) => name === 'OPEN' && path.includes('part-2'));
    const run = await exportNow(scene.api, id);
    const half = await eventually(
      () => runOf(scene.api, run),
      ({ files }) => files.length === 1,
    );
    expect(half).toMatchObject({ status: 'running', finishedAt: null, progress: { rows: 1, totalRows: 2 } });
    expect(half.progress.bytes).toBeGreaterThan(0);
    letGo();
    expect(await endOf(scene.api, run)).toMatchObject({ status: 'completed', progress: { rows: 2, totalRows: 2 } });
  });
});

describe('a run that is cancelled', () => {
  it('in the middle of an upload ends there, once and for all, and the next export holds everything', async () => {
    const { id } = await scene.activated(await scene.segmentOf(MEMBERS));
    const stuck = new Promise<void>((resolve) => {
      scene.sftp.faults.onRequest = ({ name }) => {
        if (name !== 'WRITE') return undefined;
        resolve();
        return 'hang';
      };
    });
    const run = await exportNow(scene.api, id);
    await stuck;
    bodyOf(await control(run, 'cancel'));
    expect(await endOf(scene.api, run)).toMatchObject({ status: 'cancelled', files: [], manifest: null });
    expect(outcomeOf(await control(run, 'cancel'))).toBe('409 run-ended');
    expect(outcomeOf(await control(run, 'retry'))).toBe('409 run-not-failed');

    delete scene.sftp.faults.onRequest;
    const next = await scene.exported(id);
    expect(await scene.contentsOf(next)).toEqual([ROWS]);
    expect((await scene.manifestOf(next)).previousManifest).toBeNull();
  });
});

describe('a run that failed', () => {
  it('says why, and is completed by a retry when the partner has mended it', async () => {
    const { id } = await scene.activated(await scene.segmentOf(MEMBERS));
    scene.sftp.faults.onRequest = ({ name }) =>
      name === 'OPEN' ? { status: 3, message: 'Permission denied' } : undefined;
    const failed = await scene.exported(id);
    expect(failed).toMatchObject({
      ...{ status: 'failed', files: [], manifest: null },
      failure: { type: '/problems/partner-permission-denied', instance: `/v1/runs/${failed.id}` },
    });
    expect(await until(bodyOf(await control(failed.id, 'retry')).id, 'failed')).toMatchObject({ files: [] });

    delete scene.sftp.faults.onRequest;
    bodyOf(await control(failed.id, 'retry'));
    const completed = await endOf(scene.api, failed.id);
    expect(completed).toMatchObject({ id: failed.id, status: 'completed', counts: { written: 2 } });
    expect(completed.failure).toBeUndefined();
    expect(await scene.contentsOf(completed)).toEqual([ROWS]);
    expect(outcomeOf(await control(failed.id, 'retry'))).toBe('409 run-not-failed');
  });
});

describe('what cannot be exported', () => {
  it('is refused with its reason', async () => {
    const segmentId = await scene.segmentOf('email\na@x.io\n');
    const { id } = await scene.activated(segmentId);
    const path = `/v1/destinations/${id}`;
    const run = (body: object) => scene.api.post(`${path}/runs`, body);
    expect(outcomeOf(await run({ segmentIds: ['other'] }))).toBe('404 segment-not-activated');
    expect(outcomeOf(await run({ segmentIds: [] }))).toBe('400 invalid-input');
    expect(outcomeOf(await run({ segmentId }))).toBe('400 invalid-input');
    await scene.api.post(`${path}/disable`);
    expect(outcomeOf(await run({}))).toBe('409 destination-disabled');
    await scene.api.post(`${path}/enable`);
    await scene.api.delete(`${path}/segments/${segmentId}`);
    expect(outcomeOf(await run({}))).toBe('422 nothing-activated');
    expect(outcomeOf(await scene.api.delete(`${path}/segments/${segmentId}`))).toBe('404 segment-not-activated');
    await scene.api.delete(path);
    expect(outcomeOf(await run({}))).toBe('404 destination-not-found');
    expect(outcomeOf(await scene.api.get(`/v1/runs/${crypto.randomUUID()}`))).toBe('404 run-not-found');
  });
});
