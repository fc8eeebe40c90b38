import { createHash, randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describeWith } from '@waybill/testkit/availability';
import { observeS3, type S3Observer } from '@waybill/testkit/s3';
import { type Operation, type S3Server, type S3ServerOptions, startS3Server } from '@waybill/testkit/s3-server';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import type { FileSink, Findings, StagedFile } from '../port.js';
import { createS3Connector } from './index.js';
import { abortedAfter, environment } from '../testing/proofs.js';
import { accountOn, roleAt } from './test-account.js';

const bucket = 'acme';
const path = 'exports/audience.csv';
const PART = 5 * 2 ** 20;
const content = randomBytes(2 * PART + 1_000);
const connector = createS3Connector({ partSize: () => PART });
const impatient = createS3Connector({ timeouts: { idle: 1_000 }, partSize: () => PART });

const PROVEN: Findings = {
  region: 'us-east-1',
  checksum: 'sha256',
  conditionalComplete: true,
  list: true,
  listUploads: true,
  read: true,
  delete: true,
};

async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 1_000_000) {
    await Promise.resolve();
    yield bytes.subarray(at, at + 1_000_000);
  }
}

let server: S3Server;
let sink: FileSink;
let observer: S3Observer;

const openSink = (findings: Findings = {}, by = connector): Promise<FileSink> =>
  by.openFileSink!(
    { ...accountOn(server), findings: { ...PROVEN, ...findings } },
    { bucket, folder: 'exports' },
    environment(),
  );

const start = async (options: S3ServerOptions = {}, findings: Findings = {}, by = connector): Promise<void> => {
  server = await startS3Server({ buckets: [bucket], ...options });
  observer = observeS3(server);
  sink = await openSink(findings, by);
};

const stage = (bytes: Buffer = content, owner = 'run-1/part-1/attempt-1', by: FileSink = sink): Promise<StagedFile> =>
  by.stage(path, inPieces(bytes), { owner });
const standing = (): Buffer | undefined => server.buckets.get(bucket)?.objects.get(path)?.body;
const calls = (operation: Operation): number => server.calls.filter((call) => call.operation === operation).length;

afterEach(async () => {
  observer.close();
  await sink.close();
  await server.stop();
});

describe('staging', () => {
  it('goes on after a busy server and a broken connection', async () => {
    await start();
    server.inject('CreateMultipartUpload', { kind: 'answer', status: 503, code: 'SlowDown' });
    server.inject('UploadPart', { kind: 'answer', status: 500, code: 'InternalError' });
    server.inject('UploadPart', { kind: 'cut', afterBytes: 500 });
    server.inject('UploadPart', { kind: 'lose-answer' });
    const staged = await stage();
    expect(staged.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    await sink.publish(staged);
    expect(await sink.verify(staged)).toBe('checksum');
    expect(standing()?.equals(content)).toBe(true);
    expect(calls('UploadPart')).toBe(6);
  });

  it('leaves no upload behind whose name was in an answer that was lost', async () => {
    await start();
    server.inject('CreateMultipartUpload', { kind: 'lose-answer' });
    await sink.publish(await stage());
    expect(calls('CreateMultipartUpload')).toBe(2);
    expect([...server.uploads.keys()]).toEqual([]);
  });

  it.each<[string, Operation, Parameters<S3Server['inject']>[1], string]>([
    [
      'a server that stays busy',
      'UploadPart',
      { kind: 'answer', status: 503, code: 'SlowDown' },
      'partner-unavailable',
    ],
    ['a server that hangs', 'UploadPart', { kind: 'hang' }, 'partner-timeout'],
    ['bytes damaged on the way', 'UploadPart', { kind: 'corrupt' }, 'partner-unavailable'],
    ['a full store', 'UploadPart', { kind: 'answer', status: 507, code: 'Full' }, 'partner-storage-full'],
    [
      'a right withdrawn',
      'CreateMultipartUpload',
      { kind: 'answer', status: 403, code: 'AccessDenied' },
      'partner-permission-denied',
    ],
  ])('ends at %s, and leaves nothing behind', async (_, operation, fault, slug) => {
    await start({}, {}, fault.kind === 'hang' ? impatient : connector);
    server.inject(operation, fault, 20);
    await expect(stage()).rejects.toMatchObject({ slug, message: expect.stringContaining(path) as unknown });
    expect([...server.uploads.keys()]).toEqual([]);
  });

  it('aborted while the upload starts leaves no upload that nobody knows, and closes its source', async () => {
    await start();
    server.inject('CreateMultipartUpload', { kind: 'delay', ms: 150 });
    const signal = abortedAfter(server.asked('CreateMultipartUpload'));
    const hurried = await connector.openFileSink!(
      accountOn(server, { findings: PROVEN }),
      { bucket, folder: '' },
      environment({ signal }),
    );
    let closed = false;
    const source: AsyncIterable<Uint8Array> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => undefined),
        return: () => {
          closed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    await expect(hurried.stage(path, source, { owner: 'run-1' })).rejects.toThrow('shutting down');
    expect(closed).toBe(true);
    expect([...server.uploads.keys()]).toEqual([]);
    await hurried.close();
  });

  it('says where the bucket is when it is not in the region of the proof', async () => {
    await start({ buckets: { [bucket]: 'eu-north-1' } });
    await expect(stage()).rejects.toMatchObject({ message: expect.stringContaining('eu-north-1') as unknown });
  });

  it('refuses a key that S3 would not take, before anything is sent', async () => {
    await start();
    const long = `${'ü'.repeat(600)}.csv`;
    await expect(sink.stage(long, inPieces(content), { owner: 'run-1' })).rejects.toThrow(/at most 1024 bytes/);
    expect(server.calls).toEqual([]);
  });

  it('is not visible, and tells its owner once it is', async () => {
    await start();
    const staged = await stage(Buffer.from('id\n1\n'), 'run-7/part-1 ü');
    expect(await observer.keys(bucket)).toEqual([]);
    await sink.publish(staged);
    expect(server.buckets.get(bucket)?.objects.get(path)?.headers).toMatchObject({
      'x-amz-meta-waybill-staging-id': expect.stringMatching(/^run-7%2Fpart-1%20%C3%BC\.[0-9a-f-]{36}$/) as unknown,
    });
  });
});

describe('publishing', () => {
  it('settles after an answer that was lost', async () => {
    await start();
    const staged = await stage();
    server.inject('CompleteMultipartUpload', { kind: 'lose-answer' });
    expect(await sink.publish(staged)).toEqual({ path, bytes: content.length, outcome: 'settled' });
    expect(standing()?.equals(content)).toBe(true);
  });

  it('settles after a server that did the work and reports a failure', async () => {
    await start({}, {}, impatient);
    const staged = await stage();
    server.inject('CompleteMultipartUpload', { kind: 'hang' }, 4);
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'settled' });
  });

  it('believes no code: 500 with nothing under the name is a failure, and the upload stays for the next try', async () => {
    await start();
    const staged = await stage();
    server.inject('CompleteMultipartUpload', { kind: 'answer', status: 500, code: 'InternalError' }, 4);
    await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'partner-unavailable', kind: 'unavailable' });
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'published' });
  });

  it('in another process, after the first one died between the completion and its record', async () => {
    await start();
    const recorded = JSON.stringify(await stage());
    await sink.publish(JSON.parse(recorded) as StagedFile);
    const later = await openSink();
    expect(await later.publish(JSON.parse(recorded) as StagedFile)).toMatchObject({ outcome: 'settled' });
    expect(await later.verify(JSON.parse(recorded) as StagedFile)).toBe('checksum');
    await later.close();
  });

  it('of a late writer meets the file that stands, and leaves it', async () => {
    await start();
    const late = await stage();
    const winner = await stage(Buffer.from('id\n1\n'), 'run-1/part-1/attempt-2');
    await sink.publish(winner);
    await expect(sink.publish(late)).rejects.toMatchObject({ slug: 'name-taken', kind: 'conflict' });
    expect(standing()?.toString()).toBe('id\n1\n');
  });

  it('retried after 412 that came for another reason than a file is a failure', async () => {
    await start();
    const staged = await stage();
    server.inject('CompleteMultipartUpload', { kind: 'answer', status: 412, code: 'PreconditionFailed' });
    await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'partner-rejected' });
  });

  it('of more parts than an event holds asks the server for them', async () => {
    // All of these parts are sent at once, and the time that one waits for a connection counts as that of making it.
    const timeouts = { connect: 60_000 };
    const tiny = createS3Connector({ timeouts, partSize: (number) => (number <= 401 ? 1 : PART) });
    await start();
    // 402 parts need not be large here: only what S3 says of the smallest part is switched off.
    server.inject('CompleteMultipartUpload', { kind: 'answer', status: 400, code: 'EntityTooSmall' });
    const small = await tiny.openFileSink!(accountOn(server, { findings: PROVEN }), { bucket }, environment());
    const staged = await small.stage(path, inPieces(Buffer.alloc(402, 'x')), { owner: 'run-1' });
    expect(staged.handle['parts']).toBeNull();
    expect(Buffer.byteLength(JSON.stringify(staged))).toBeLessThan(1_000);
    await small.close();

    const later = await openSink();
    await expect(later.publish(staged)).rejects.toThrow(/EntityTooSmall/);
    expect(calls('ListParts')).toBe(1);
    const [upload] = [...server.uploads.values()];
    upload?.parts.set(3, upload.parts.get(402)!);
    upload?.parts.delete(402);
    await expect(later.publish(staged)).rejects.toMatchObject({ slug: 'staged-file-lost' });
    await later.close();
  });
});

describe('a server without conditions', () => {
  it.each(['ignored', 'rejected'] as const)('is looked at first, which is declared (%s)', async (conditionalWrites) => {
    await start({ conditionalWrites }, { conditionalComplete: false });
    const staged = await stage();
    expect(await sink.publish(staged)).toMatchObject({
      outcome: 'published',
      fallback: 'complete-without-condition',
    });
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'settled' });
    const other = await stage(Buffer.from('id\n1\n'));
    await expect(sink.publish(other)).rejects.toMatchObject({ slug: 'name-taken' });
    expect(standing()?.equals(content)).toBe(true);
  });

  it('that tells no checksums is read back when the same bytes were staged anew', async () => {
    await start(
      { conditionalWrites: 'ignored', checksums: 'ignored' },
      { conditionalComplete: false, checksum: 'none' },
    );
    const first = await stage();
    await sink.publish(first);
    expect(await sink.verify(first)).toBe('size');
    expect(await sink.publish(await stage())).toMatchObject({ outcome: 'settled' });
    expect(calls('GetObject')).toBe(1);
    const other = Buffer.from(content);
    other[0]! ^= 1;
    await expect(sink.publish(await stage(other))).rejects.toMatchObject({ slug: 'name-taken' });
  });
});

describe('an account that may only write', () => {
  const WRITE_ONLY: Findings = {
    list: false,
    listUploads: false,
    read: false,
    delete: false,
    conditionalComplete: null,
  };
  const startWriteOnly = async (findings: Findings = WRITE_ONLY) => {
    await start({}, findings);
    for (const right of [
      's3:ListBucket',
      's3:GetObject',
      's3:DeleteObject',
      's3:ListBucketMultipartUploads',
    ] as const) {
      server.denied.add(right);
    }
  };

  it('publishes under a condition, and says that nobody could look first', async () => {
    await startWriteOnly();
    const staged = await stage();
    expect(await sink.publish(staged)).toMatchObject({
      outcome: 'published',
      fallback: 'complete-without-condition',
    });
    expect(await sink.verify(staged)).toBe('unreadable');
    expect(await sink.sweep('exports', 'run-1', [path])).toBe(0);
  });

  it('cannot tell whose a taken name is, and says which right would tell', async () => {
    await startWriteOnly();
    const [first, second] = [await stage(), await stage(content, 'run-1/part-1/attempt-2')];
    await sink.publish(first);
    await expect(sink.publish(second)).rejects.toMatchObject({
      slug: 'partner-permission-denied',
      message: expect.stringContaining('s3:GetObject') as unknown,
    });
  });

  it('may read but not list: a missing file answers 403, and is missing', async () => {
    await start({}, { list: false });
    server.denied.add('s3:ListBucket');
    expect(await sink.stat(path)).toBeNull();
    const staged = await stage();
    server.inject('CompleteMultipartUpload', { kind: 'lose-answer' });
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'settled' });
  });
});

describe('verifying', () => {
  it.each([
    ['other bytes of the same number', () => Buffer.from('id\n2\n'), /checksum|other bytes/],
    ['fewer bytes', () => Buffer.from('id\n'), /3 bytes stand there instead of 5/],
  ])('finds %s', async (_, replacement, message) => {
    await start();
    const staged = await stage(Buffer.from('id\n1\n'));
    await sink.publish(staged);
    const impostor = await connector.openFileSink!(
      accountOn(server, { findings: PROVEN }),
      { bucket, folder: '' },
      environment(),
    );
    server.buckets.get(bucket)?.objects.delete(path);
    await impostor.publish(await stage(replacement(), 'other', impostor));
    await impostor.close();
    await expect(sink.verify(staged)).rejects.toMatchObject({
      slug: 'verification-failed',
      message: expect.stringMatching(message) as unknown,
    });
  });
});

describe('the uploads of a run that died', () => {
  it('are found by the keys of its plan, however many there are', async () => {
    await start();
    const paths = Array.from({ length: 1_005 }, (_, index) => `exports/part-${index}.csv`);
    for (const key of [...paths, 'exports/other.csv']) {
      server.uploads.set(key, { id: key, bucket, key, headers: {}, initiated: new Date(), parts: new Map() });
    }
    const later = await openSink();
    expect(await later.sweep('exports', 'run-1', paths)).toBe(1_005);
    expect([...server.uploads.values()].map(({ key }) => key)).toEqual(['exports/other.csv']);
    await later.close();
  });
});

describe('an assumed role', () => {
  const arn = 'arn:aws:iam::123456789012:role/waybill';
  const startAsRole = async (lifetimeSeconds: number) => {
    await start({ roles: { [arn]: { externalId: 'ours', lifetimeSeconds } } });
    const { endpoint, accessKeyId, secretAccessKey } = server;
    return createS3Connector({
      aws: { s3Endpoint: endpoint, endpoint, credentials: { accessKeyId, secretAccessKey } },
    });
  };
  const openAs = (as: ReturnType<typeof createS3Connector>, externalId = 'ours') =>
    as.openFileSink!({ ...roleAt(arn, externalId), findings: PROVEN }, { bucket, folder: 'exports' }, environment());

  it('delivers, asking STS once for many sinks', async () => {
    const asRole = await startAsRole(3_600);
    for (const name of ['a', 'b', 'c']) {
      const own = await openAs(asRole);
      await own.publish(await own.stage(name, inPieces(Buffer.from(name)), { owner: name }));
      await own.close();
    }
    expect(await observer.keys(bucket)).toEqual(['a', 'b', 'c']);
    expect(calls('AssumeRole')).toBe(1);
  });

  it('is assumed anew before its credentials end', async () => {
    const asRole = await startAsRole(3);
    const own = await openAs(asRole);
    const staged = await own.stage('a', inPieces(Buffer.from('a')), { owner: 'a' });
    await new Promise((resolve) => setTimeout(resolve, 3_100));
    expect(await own.publish(staged)).toMatchObject({ outcome: 'published' });
    expect(calls('AssumeRole')).toBeGreaterThan(1);
    await own.close();
  });

  it('that no longer lets us in is no missing right on the bucket', async () => {
    const asRole = await startAsRole(3_600);
    const own = await openAs(asRole, 'withdrawn');
    await expect(own.stage('a', inPieces(Buffer.from('a')), { owner: 'a' })).rejects.toMatchObject({
      slug: 'partner-rejected',
      message: expect.stringContaining(`${arn} could not be assumed`) as unknown,
    });
    await own.close();
  });
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is in use, without what only waits to be collected: how much that is hangs on what else the machine does. */
const heldBytes = (): number => {
  collectGarbage();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
};

describeWith('a large file on versitygw', findVersitygw(), (binary) => {
  it('passes through in bounded memory', async () => {
    await start();
    await using opened = new AsyncDisposableStack();
    const real = await startVersitygw(binary(), [bucket]);
    opened.defer(() => real.stop());
    const large = createS3Connector();
    const own = await large.openFileSink!(accountOn(real, { findings: PROVEN }), { bucket, folder: '' }, environment());
    opened.defer(() => own.close());
    const block = randomBytes(2 ** 20);
    const megabytes = 200;
    const before = heldBytes();
    let most = 0;
    async function* blocks(): AsyncGenerator<Uint8Array> {
      for (let sent = 0; sent < megabytes; sent += 1) {
        if (sent % 10 === 0) most = Math.max(most, heldBytes() - before);
        await Promise.resolve();
        yield Buffer.from(block);
      }
    }
    const staged = await own.stage('large.csv', blocks(), { owner: 'run-1' });
    expect(await own.publish(staged)).toMatchObject({ outcome: 'published', bytes: megabytes * 2 ** 20 });
    expect(await own.verify(staged)).toBe('checksum');
    expect(most).toBeLessThan(80 * 2 ** 20);
  }, 60_000);
});
