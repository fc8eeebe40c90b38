import { describeWith } from '@waybill/testkit/availability';
import { findRadosgw, startRadosgw } from '@waybill/testkit/radosgw';
import { observeS3 } from '@waybill/testkit/s3';
import { type Right, type S3Server, type S3ServerOptions, startS3Server } from '@waybill/testkit/s3-server';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import type { Credentials, Proof } from '../port.js';
import { createS3Connector } from './index.js';
import { abortedAfter, checkNamed, checksThat, environment } from '../testing/proofs.js';
import { accountOn } from './test-account.js';

const connector = createS3Connector();
const impatient = createS3Connector({ timeouts: { probe: 400 } });
const target = { bucket: 'acme', folder: 'exports/daily' };
const proveOn = (credentials: Credentials): Promise<Proof> => connector.proveTarget(credentials, target, environment());

describe('the proof of a target', () => {
  let server: S3Server;
  const start = async (options: S3ServerOptions = {}) =>
    (server = await startS3Server({ buckets: [target.bucket], ...options }));
  const prove = (authentication: Record<string, unknown> = {}) => proveOn(accountOn(server, { authentication }));
  const left = () => [
    ...[...server.uploads.values()].map(({ key }) => key),
    ...[...server.buckets.values()].flatMap(({ objects }) => [...objects.keys()]),
  ];
  afterEach(() => server.stop());

  it('makes the calls of a delivery inside the folder, and leaves nothing behind', async () => {
    await start();
    const proof = await prove();
    expect(checksThat(proof, 'passed')).toEqual([
      'bucket ok',
      'region ok',
      'list ok',
      'delete ok',
      'multipart-start ok',
      'multipart-part ok',
      'list-uploads ok',
      'multipart-abort ok',
      'complete ok',
      'refuse-taken-name ok',
      'head ok',
      'cleanup ok',
    ]);
    expect(proof.findings).toEqual({
      region: 'us-east-1',
      checksum: 'sha256',
      conditionalComplete: true,
      list: true,
      listUploads: true,
      read: true,
      delete: true,
    });
    const objects = server.calls.filter(({ key }) => key !== '');
    expect(objects.every(({ key }) => key.startsWith('exports/daily/.waybill-probe-'))).toBe(true);
    expect(left()).toEqual([]);
  });

  it('leaves what stands in the folder alone', async () => {
    await start();
    const observer = observeS3(server);
    await observer.write(target.bucket, 'exports/daily/yesterday.csv', Buffer.from('x'));
    await prove();
    expect(left()).toEqual(['exports/daily/yesterday.csv']);
    observer.close();
  });

  it.each<[Right, string]>([
    ['s3:ListBucket', 'list'],
    ['s3:GetObject', 'head'],
    ['s3:ListBucketMultipartUploads', 'list-uploads'],
  ])('does without %s, and says what for and how to grant it', async (right, check) => {
    await start();
    server.denied.add(right);
    const proof = await prove();
    expect(proof.outcome).toBe('passed');
    expect(checksThat(proof, 'failed').map((each) => each.split('/')[0])).toEqual([`${check} permission-denied`]);
    expect(checkNamed(proof, check)).toMatchObject({ optional: true });
    expect(checkNamed(proof, check).remedy).toContain(`"${right}"`);
    expect(left()).toEqual([]);
  });

  it('where deletion is denied, completes nothing', async () => {
    await start();
    server.denied.add('s3:DeleteObject');
    const proof = await prove();
    expect(proof.outcome).toBe('passed');
    expect(checksThat(proof, 'skipped').map((each) => each.split(' ')[0])).toEqual([
      'complete',
      'refuse-taken-name',
      'head',
    ]);
    expect(proof.findings).toMatchObject({ delete: false, conditionalComplete: null, read: null });
    expect(server.calls.map(({ operation }) => operation)).not.toContain('CompleteMultipartUpload');
    expect(left()).toEqual([]);
  });

  it('asks of a write-only account no more than to put and to abort', async () => {
    await start();
    for (const right of [
      's3:ListBucket',
      's3:GetObject',
      's3:DeleteObject',
      's3:ListBucketMultipartUploads',
    ] as const) {
      server.denied.add(right);
    }
    expect((await prove()).outcome).toBe('passed');
    expect(left()).toEqual([]);
  });

  it('prints the least policy where putting is denied', async () => {
    await start();
    server.denied.add('s3:PutObject');
    const proof = await prove();
    expect(checksThat(proof, 'failed')).toEqual(['multipart-start permission-denied/AccessDenied']);
    const { remedy } = checkNamed(proof, 'multipart-start');
    expect(JSON.parse(remedy.replace(/^[^{]*/, ''))).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['s3:PutObject', 's3:AbortMultipartUpload'],
          Resource: 'arn:aws:s3:::acme/exports/daily/*',
        },
      ],
    });
    expect(checkNamed(proof, 'complete').outcome).toBe('skipped');
    expect(proof.findings).toEqual({});
  });

  it('fails where aborting is denied, since a broken delivery would leave its parts', async () => {
    await start();
    server.denied.add('s3:AbortMultipartUpload');
    const proof = await prove();
    expect(proof.outcome).toBe('failed');
    expect(checksThat(proof, 'failed')[0]).toBe('multipart-abort permission-denied/AccessDenied');
    expect(checkNamed(proof, 'cleanup')).toMatchObject({
      outcome: 'failed',
      resource: expect.stringContaining('.waybill-probe-') as unknown,
    });
  });

  it.each<[NonNullable<S3ServerOptions['checksums']>, string]>([
    ['all', 'sha256'],
    ['crc32-only', 'crc32'],
    ['ignored', 'none'],
  ])('finds the checksums that a server takes: %s gives %s', async (checksums, checksum) => {
    await start({ checksums });
    const proof = await prove();
    expect(proof).toMatchObject({ outcome: 'passed', findings: { checksum } });
    expect(left()).toEqual([]);
  });

  it.each(['ignored', 'rejected'] as const)('finds that a server has conditions %s', async (conditionalWrites) => {
    await start({ conditionalWrites });
    const proof = await prove();
    expect(proof).toMatchObject({ outcome: 'passed', findings: { conditionalComplete: false } });
    expect(checksThat(proof, 'failed')).toEqual(['refuse-taken-name not-supported']);
    expect(left()).toEqual([]);
  });

  it('must be allowed to look where the server does not refuse a taken name', async () => {
    await start({ conditionalWrites: 'ignored' });
    server.denied.add('s3:GetObject');
    const proof = await prove();
    expect(proof.outcome).toBe('failed');
    expect(checkNamed(proof, 'head')).toMatchObject({ outcome: 'failed', optional: false });
    expect(left()).toEqual([]);
  });

  it('finds the region of a bucket elsewhere', async () => {
    await start({ buckets: { [target.bucket]: 'ap-south-1' } });
    expect(await prove()).toMatchObject({ outcome: 'passed', findings: { region: 'ap-south-1' } });
  });

  it('names the right region where the account states another', async () => {
    await start({ buckets: { [target.bucket]: 'ap-south-1' } });
    const proof = await prove({ region: 'us-east-1' });
    expect(checksThat(proof, 'failed')).toEqual(['region wrong-region/PermanentRedirect']);
    expect(checkNamed(proof, 'region').remedy).toContain('ap-south-1');
    expect(checksThat(proof, 'passed')).toEqual(['bucket ok']);
  });

  it('tells a missing bucket', async () => {
    await start({ buckets: [] });
    const proof = await prove();
    expect(checksThat(proof, 'failed')).toEqual(['bucket not-found/NoSuchBucket']);
    expect(checksThat(proof, 'passed')).toEqual([]);
  });

  it('tells a full store', async () => {
    await start();
    server.inject('UploadPart', { kind: 'answer', status: 403, code: 'QuotaExceeded' });
    expect(checksThat(await prove(), 'failed')).toEqual(['multipart-part storage-full/QuotaExceeded']);
    expect(left()).toEqual([]);
  });

  it.each(['ListObjectsV2', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'] as const)(
    'gives up on a server that hangs at %s, and cleans up',
    async (operation) => {
      await start();
      server.inject(operation, { kind: 'hang' }, 2);
      const proof = await impatient.proveTarget(accountOn(server), target, environment());
      expect(proof.outcome).toBe('failed');
      expect(checksThat(proof, 'failed')[0]).toMatch(/ timed-out$/);
      expect(left()).toEqual([]);
    },
  );

  it('goes on after a server that is busy for a moment', async () => {
    await start();
    server.inject('UploadPart', { kind: 'answer', status: 503, code: 'SlowDown' });
    expect(await prove()).toMatchObject({ outcome: 'passed' });
  });

  it('cleans up when it is aborted', async () => {
    await start();
    server.inject('CompleteMultipartUpload', { kind: 'delay', ms: 150 });
    const signal = abortedAfter(server.asked('CompleteMultipartUpload'));
    const proving = connector.proveTarget(accountOn(server), target, environment({ signal }));
    await expect(proving).rejects.toThrow('shutting down');
    expect([...server.uploads.keys()]).toEqual([]);
  });

  it('refuses a private endpoint', async () => {
    await start();
    const proof = await connector.proveTarget(accountOn(server), target, environment({ allowPrivateNetworks: false }));
    expect(checksThat(proof, 'failed')).toEqual(['bucket address-refused']);
    expect(server.calls).toEqual([]);
  });
});

describeWith('the proof of a target on versitygw', findVersitygw(), (binary) => {
  it('finds everything that AWS has, and leaves nothing behind, not even versions', async () => {
    const server = await startVersitygw(binary(), [target.bucket], { versioning: true });
    const observer = observeS3(server);
    await observer.enableVersioning(target.bucket);
    const proof = await proveOn(accountOn(server));
    expect(checksThat(proof, 'failed')).toEqual([]);
    expect(proof.findings).toMatchObject({ checksum: 'sha256', conditionalComplete: true, delete: true });
    expect(await observer.versions(target.bucket)).toEqual([]);
    expect(await observer.uploads(target.bucket)).toEqual([]);
    observer.close();
    await server.stop();
  });
});

describeWith('the proof of a target on radosgw', findRadosgw(), () => {
  it('finds that Ceph 16 checks no checksums and refuses no taken name', async () => {
    const server = await startRadosgw([target.bucket]);
    const proof = await proveOn(accountOn(server));
    expect(proof).toMatchObject({ outcome: 'passed', findings: { checksum: 'none', conditionalComplete: false } });
    const observer = observeS3(server);
    expect(await observer.keys(target.bucket)).toEqual([]);
    observer.close();
    await server.stop();
  }, 180_000);
});
