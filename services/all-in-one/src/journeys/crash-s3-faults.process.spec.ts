import type { Fault, Operation, Upload } from '@waybill/testkit/s3-server';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf, endOf, expectWholeDelivery, exportNow, type RunView, setUpDelivery } from './testing/exports.js';
import { loadRows, rowsOf } from './testing/lane.js';
import { type S3Partner, startS3Partner } from './testing/s3-partner.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const rows = rowsOf(25, 4_000);
const UPLOAD: readonly Operation[] = ['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload', 'HeadObject'];
const busy: Fault = { kind: 'answer', status: 503, code: 'SlowDown', message: 'Please reduce your request rate.' };

describe('an export to an S3 store where something goes wrong', () => {
  let waybill: Waybill;
  let api: Api;
  let s3: S3Partner;
  let folders = 0;

  beforeAll(async () => {
    [waybill, s3] = await Promise.all([startWaybill(), startS3Partner()]);
    api = waybill.api();
    await loadRows(api, rows);
  });
  afterAll(() => Promise.all([waybill.close(), s3.stop()]));
  afterEach(() => s3.server.reset());

  /** A destination with a folder of its own, for three files and a manifest. */
  const newDestination = async () => {
    const folder = `folder-${++folders}`;
    const { id } = await setUpDelivery(api, {
      ...{ name: `In ${folder}`, type: 'amazon-s3', authentication: s3.authentication() },
      ...{ target: { bucket: s3.bucket, folder }, files: { maxRowsPerFile: 10 } },
      ...{ segmentId: 'members', identity: 'id', attributes: ['note'] },
    });
    s3.server.reset();
    return { id, folder };
  };
  type Destination = Awaited<ReturnType<typeof newDestination>>;
  const exportTo = async ({ id }: Destination): Promise<RunView> => endOf(api, await exportNow(api, id), 60_000);
  const retried = async ({ id }: RunView): Promise<RunView> => {
    bodyOf(await api.post(`/v1/runs/${id}/retry`));
    return endOf(api, id);
  };
  const keysIn = ({ folder }: Destination) => s3.keys().filter((key) => key.startsWith(`${folder}/`));
  const expectAllRows = async (destination: Destination, run: RunView, foreign: readonly string[] = []) => {
    const own = keysIn(destination).filter((key) => !foreign.includes(key));
    const files = new Map(own.map((key) => [key, s3.read(key)]));
    const contents = await expectWholeDelivery(run, files, (file) => Promise.resolve(file));
    const delivered = contents.flatMap((content) => content.toString().trimEnd().split('\r\n').slice(1));
    expect(delivered.sort()).toEqual([...rows].sort());
    expect([...s3.server.uploads.keys()]).toEqual([]);
  };
  const failureOf = ({ status, failure }: RunView) => `${status} ${failure?.type}`;

  it.each<[string, readonly Operation[], Fault, number]>([
    ['is busy at every call', UPLOAD, busy, 2],
    ['breaks the connection in the middle of each kind of call', UPLOAD, { kind: 'cut', afterBytes: 0 }, 1],
    ['breaks the connection after some bytes of a file', ['UploadPart'], { kind: 'cut', afterBytes: 20_000 }, 3],
    ['does the work and loses the answer of each kind of call', UPLOAD, { kind: 'lose-answer' }, 1],
    ['gets damaged bytes, once in a while', ['UploadPart'], { kind: 'corrupt' }, 1],
  ])(
    'that %s is completed all the same, with nothing doubled and nothing left',
    async (_, operations, fault, times) => {
      const destination = await newDestination();
      operations.forEach((operation) => s3.server.inject(operation, fault, times));
      await expectAllRows(destination, await exportTo(destination));
    },
  );

  /** Resolves with the upload of a file, once its content is there and its completion is still to come. */
  const uploadIn = async ({ folder }: Destination, name: RegExp): Promise<Upload> => {
    // Files of one run are uploaded side by side, and completed one after the other.
    s3.server.inject('CompleteMultipartUpload', { kind: 'delay', ms: 500 });
    const isIt = ({ key, parts }: Upload) => key.startsWith(`${folder}/`) && name.test(key) && parts.size > 0;
    const uploads = await eventually(
      () => Promise.resolve([...s3.server.uploads.values()]),
      (all) => all.some(isIt),
    );
    return uploads.find(isIt)!;
  };

  it('that holds another file under a name gets ours under the next revision, and keeps its own', async () => {
    const destination = await newDestination();
    s3.server.inject('UploadPart', { kind: 'delay', ms: 500 }, 3);
    const runId = await exportNow(api, destination.id);
    const { key } = await uploadIn(destination, /_2\.csv$/);
    const { objects } = s3.server.buckets.get(s3.bucket)!;
    objects.set(key, { body: Buffer.from('theirs'), etag: '"theirs"', headers: {}, lastModified: new Date() });
    const run = await endOf(api, runId);
    expect(s3.read(key).toString()).toBe('theirs');
    expect(run.files[1]?.path).toBe(key.replace('_2.csv', '_2_r2.csv'));
    objects.delete(key);
    await expectAllRows(destination, run);
  });

  it('that aborts our upload gets the file again', async () => {
    const destination = await newDestination();
    s3.server.inject('UploadPart', { kind: 'delay', ms: 500 });
    const runId = await exportNow(api, destination.id);
    const { id } = await uploadIn(destination, /\.csv$/);
    s3.server.uploads.delete(id);
    await expectAllRows(destination, await endOf(api, runId));
    expect(s3.server.calls.filter(({ operation }) => operation === 'CreateMultipartUpload')).toHaveLength(5);
  });

  it.each<[string, () => () => void, string, RegExp]>([
    [
      'that withdraws the right to write',
      () => {
        s3.server.denied.add('s3:PutObject');
        return () => s3.server.denied.clear();
      },
      '/problems/partner-permission-denied',
      /allow/i,
    ],
    [
      'whose bucket is gone',
      () => {
        const bucket = s3.server.buckets.get(s3.bucket)!;
        s3.server.buckets.delete(s3.bucket);
        return () => s3.server.buckets.set(s3.bucket, bucket);
      },
      '/problems/partner-rejected',
      /bucket/i,
    ],
    [
      'that has no room left',
      () => {
        s3.server.inject('UploadPart', { kind: 'answer', status: 507, code: 'QuotaExceeded' }, 20);
        return () => s3.server.reset();
      },
      '/problems/partner-storage-full',
      /room|space/i,
    ],
  ])(
    '%s fails it, saying what to do, with nothing half-written; a retry completes it',
    async (_, spoil, type, says) => {
      const destination = await newDestination();
      const mend = spoil();
      const run = await exportTo(destination);
      mend();
      expect(failureOf(run)).toBe(`failed ${type}`);
      expect(run.failure?.detail).toMatch(says);
      expect(run).toMatchObject({ files: [], manifest: null });
      expect(keysIn(destination)).toEqual([]);
      expect([...s3.server.uploads.keys()]).toEqual([]);
      await expectAllRows(destination, await retried(run));
    },
  );
});
