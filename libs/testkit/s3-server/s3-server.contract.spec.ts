import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  type S3ClientConfig,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type S3Server, type S3ServerOptions, startS3Server } from './index.js';

const Bucket = 'bucket';
let server: S3Server;
let client: S3Client;

const clientWith = (config: S3ClientConfig = {}): S3Client =>
  new S3Client({
    endpoint: server.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: server,
    ...config,
  });

const start = async (options: S3ServerOptions = {}): Promise<void> => {
  server = await startS3Server({ buckets: [Bucket], ...options });
  client = clientWith();
};

afterEach(async () => {
  client.destroy();
  await server.stop();
});

describe('who asks', () => {
  beforeEach(() => start());

  it.each([
    ['an unknown key', { credentials: { accessKeyId: 'NOBODY', secretAccessKey: 'x' } }, 'InvalidAccessKeyId'],
    [
      'a wrong secret',
      { credentials: { accessKeyId: 'WAYBILLTESTKEY', secretAccessKey: 'x' } },
      'SignatureDoesNotMatch',
    ],
    ['a clock an hour off', { systemClockOffset: 3_600_000 }, 'RequestTimeTooSkewed'],
    ['another region', { region: 'eu-west-1' }, 'AuthorizationHeaderMalformed'],
  ])('%s is refused', async (_, config, name) => {
    await expect(clientWith(config).send(new ListBucketsCommand())).rejects.toMatchObject({ name });
  });

  it('no signature is refused', async () => {
    expect((await fetch(`${server.endpoint}/${Bucket}`)).status).toBe(403);
  });

  it('a body changed on the way is refused', async () => {
    server.inject('PutObject', { kind: 'corrupt' });
    await expect(client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content' }))).rejects.toMatchObject({
      name: 'XAmzContentSHA256Mismatch',
    });
    expect(server.buckets.get(Bucket)?.objects.size).toBe(0);
  });
});

describe('objects', () => {
  it.each([['in one piece'], ['as a stream in aws-chunked frames']])('keep their bytes when put %s', async (how) => {
    await start();
    const content = Buffer.alloc(300_000, 'waybill');
    const Body =
      how === 'in one piece' ? content : Readable.from([content.subarray(0, 70_001), content.subarray(70_001)]);
    await client.send(new PutObjectCommand({ Bucket, Key: 'ä b/+', Body, ContentLength: content.length }));
    const { Body: back } = await client.send(new GetObjectCommand({ Bucket, Key: 'ä b/+' }));
    expect(content.equals(await back!.transformToByteArray())).toBe(true);
  });

  it('refuse a wrong checksum', async () => {
    await start();
    const put = new PutObjectCommand({ Bucket, Key: 'k', Body: 'content', ChecksumCRC32: 'AAAAAA==' });
    await expect(client.send(put)).rejects.toMatchObject({ name: 'BadDigest' });
  });

  it('are not replaced under If-None-Match', async () => {
    await start();
    const put = () => client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content', IfNoneMatch: '*' }));
    await put();
    await expect(put()).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });

  it('are listed page by page', async () => {
    await start();
    for (const Key of ['b', 'a', 'c']) await client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    const first = await client.send(new ListObjectsV2Command({ Bucket, MaxKeys: 2 }));
    expect(first.Contents?.map(({ Key }) => Key)).toEqual(['a', 'b']);
    const second = await client.send(
      new ListObjectsV2Command({ Bucket, ContinuationToken: first.NextContinuationToken }),
    );
    expect(second.Contents?.map(({ Key }) => Key)).toEqual(['c']);
  });
});

describe('multipart uploads', () => {
  const part = (UploadId: string, PartNumber: number, bytes: number) =>
    client.send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber, Body: Buffer.alloc(bytes) }));
  const begin = async () =>
    (await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'k', ChecksumAlgorithm: 'CRC32' }))).UploadId!;
  const complete = (UploadId: string, Parts: { PartNumber: number; ETag?: string; ChecksumCRC32?: string }[]) =>
    client.send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }));

  it('become an object with the checksum of the checksums', async () => {
    await start();
    const id = await begin();
    const parts = [await part(id, 1, 5 * 2 ** 20), await part(id, 2, 3)];
    await complete(
      id,
      parts.map(({ ETag, ChecksumCRC32 }, index) => ({
        PartNumber: index + 1,
        ETag: ETag!,
        ChecksumCRC32: ChecksumCRC32!,
      })),
    );
    const head = await client.send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
    expect(head).toMatchObject({
      ContentLength: 5 * 2 ** 20 + 3,
      ChecksumCRC32: expect.stringMatching(/-2$/) as unknown,
    });
  });

  it('refuse a small part that is not the last', async () => {
    await start();
    const id = await begin();
    const parts = [await part(id, 1, 3), await part(id, 2, 3)];
    await expect(
      complete(
        id,
        parts.map(({ ETag, ChecksumCRC32 }, index) => ({
          PartNumber: index + 1,
          ETag: ETag!,
          ChecksumCRC32: ChecksumCRC32!,
        })),
      ),
    ).rejects.toMatchObject({ name: 'EntityTooSmall' });
  });

  it('are gone once aborted', async () => {
    await start();
    const UploadId = await begin();
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: 'k', UploadId }));
    await expect(part(UploadId, 1, 3)).rejects.toMatchObject({ name: 'NoSuchUpload' });
  });
});

describe('departures from AWS', () => {
  it('a bucket elsewhere is a redirect that names its region', async () => {
    await start({ buckets: { [Bucket]: 'eu-central-1' } });
    await expect(client.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject({
      name: 'PermanentRedirect',
      $response: { headers: { 'x-amz-bucket-region': 'eu-central-1' } },
    });
    await clientWith({ region: 'eu-central-1' }).send(new ListObjectsV2Command({ Bucket }));
  });

  it('a denied right is denied', async () => {
    await start();
    server.denied.add('s3:ListBucket');
    await expect(client.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(client.send(new HeadObjectCommand({ Bucket, Key: 'k' }))).rejects.toMatchObject({
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('conditions may be ignored or rejected', async () => {
    const put = () => client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'content', IfNoneMatch: '*' }));
    await start({ conditionalWrites: 'ignored' });
    await put();
    await put();
    await server.stop();
    await start({ conditionalWrites: 'rejected' });
    await expect(put()).rejects.toMatchObject({ name: 'NotImplemented' });
  });
});

describe('faults', () => {
  const put = () => client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: Buffer.alloc(200_000) }));
  const stored = () => server.buckets.get(Bucket)?.objects.has('k');
  beforeEach(() => start());

  it('an injected answer comes as often as asked for', async () => {
    server.inject('PutObject', { kind: 'answer', status: 503, code: 'SlowDown' }, 2);
    for (const _ of [1, 2]) await expect(put()).rejects.toMatchObject({ name: 'SlowDown' });
    await put();
    expect(server.calls.map(({ operation }) => operation)).toEqual(['PutObject', 'PutObject', 'PutObject']);
  });

  it('a cut connection leaves no object', async () => {
    server.inject('PutObject', { kind: 'cut', afterBytes: 1_000 });
    await expect(put()).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(stored()).toBe(false);
  });

  it('a lost answer leaves the object', async () => {
    server.inject('PutObject', { kind: 'lose-answer' });
    await expect(put()).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(stored()).toBe(true);
  });

  it('a late answer comes late', async () => {
    server.inject('PutObject', { kind: 'delay', ms: 200 });
    const started = performance.now();
    await put();
    expect(performance.now() - started).toBeGreaterThan(195);
  });

  it('a hanging server answers nothing', async () => {
    server.inject('PutObject', { kind: 'hang' });
    const hanging = client.send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }), {
      abortSignal: AbortSignal.timeout(100),
    });
    await expect(hanging).rejects.toMatchObject({ name: 'AbortError' });
  });
});
