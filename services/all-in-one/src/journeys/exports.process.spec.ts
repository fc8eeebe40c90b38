import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expectWholeDelivery, receiverKey } from './testing/exports.js';
import { type S3Partner, startS3Partner } from './testing/s3-partner.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';

let scene: SftpExports;
let s3: S3Partner;

beforeAll(async () => {
  [scene, s3] = await Promise.all([startSftpExports(), startS3Partner()]);
});
afterAll(() => Promise.all([scene.close(), s3.stop()]));

describe('an export', () => {
  const MEMBERS = 'email,city\nb@x.io,"Wien, ""Innere Stadt"""\na@x.io,\nc@x.io,Köln\n';
  const ROWS = 'email,city\r\na@x.io,\r\nb@x.io,"Wien, ""Innere Stadt"""\r\nc@x.io,Köln\r\n';

  it('puts the file and then its manifest on an SFTP server, and nothing else', async () => {
    const renamed: string[] = [];
    scene.sftp.faults.onRequest = ({ name, path }) => {
      if (name === 'RENAME') renamed.push(path);
      return undefined;
    };
    const segmentId = await scene.segmentOf(MEMBERS);
    const destination = await scene.activated(segmentId, { marketingActions: ['emailTargeting'] });
    renamed.length = 0;
    const run = await scene.exported(destination.id);

    expect(run).toMatchObject({
      ...{ status: 'completed', destinationId: destination.id, segmentId, mode: 'full' },
      counts: { read: 3, written: 3, skipped: 0, failed: 0, exited: 0 },
      files: [{ rows: 3, keyFingerprint: null }],
      progress: { rows: 3, totalRows: 3 },
    });
    const [file] = run.files;
    expect(file?.path).toMatch(new RegExp(`^incoming/Weekly_segment_${segmentId}_\\d{8}_\\d{6}\\.csv$`));
    expect(await scene.contentsOf(run)).toEqual([ROWS]);
    expect(file?.sha256).toBe(file?.contentSha256);
    expect((await readdir(join(scene.sftp.root, 'incoming'))).sort()).toEqual(
      [file?.path, run.manifest?.path].map((path) => path?.replace('incoming/', '')).sort(),
    );
    // Each had a hidden name while it was written, and the manifest came last.
    expect(renamed).toEqual([
      expect.stringMatching(/\/\.[^/]*part-1[^/]*$/),
      expect.stringMatching(/\/\.[^/]*manifest[^/]*$/),
    ]);

    const manifest = await scene.manifestOf(run);
    expect(manifest).toMatchObject({
      ...{ version: 1, tenant: 'default', sandbox: 'prod', run: run.id, mode: 'full' },
      destination: { id: destination.id, name: 'Weekly' },
      segment: { id: segmentId, name: `Name of ${segmentId}` },
      marketingActions: ['emailTargeting'],
      schema: [
        { name: 'email', type: 'string' },
        { name: 'city', type: 'any' },
      ],
      mappingRevision: 1,
      watermark: expect.stringMatching(/^\d+$/),
      plannedAt: expect.stringMatching(/Z$/),
      files: [{ rows: 3, compression: 'none', encryption: null, sha256: file?.sha256 }],
      previousManifest: null,
    });
    expect(JSON.stringify(manifest)).not.toMatch(/@x\.io/);
  });

  it('puts compressed and encrypted files on S3, which the receiver alone can read, the manifest last', async () => {
    const receiver = await receiverKey();
    const destination = await scene.activated(await scene.segmentOf(MEMBERS), {
      account: { ...s3.account('S3'), encryptionKey: receiver.armored },
      target: { bucket: s3.bucket, folder: 'from/us' },
      files: { compression: 'gzip' },
    });
    const run = await scene.exported(destination.id);
    expect(run.files[0]?.path).toMatch(/^from\/us\/Weekly_.*\.csv\.gz\.pgp$/);
    const files = new Map(s3.keys().map((key) => [key, s3.read(key)]));
    const [content] = await expectWholeDelivery(run, files, (file) => receiver.open(file));
    expect(content?.toString()).toBe(ROWS);
    expect([...s3.server.uploads]).toEqual([]);
    const completed = s3.server.calls
      .filter(({ operation, key }) => key.startsWith('from/us/') && /^(Complete|PutObject)/.test(operation))
      .map(({ key }) => key);
    expect(completed.at(-1)).toBe(run.manifest?.path);
  });

  it('splits its files, and writes JSON lines where that is asked for', async () => {
    const split = await scene.exported(
      (await scene.activated(await scene.segmentOf(MEMBERS), { files: { maxRowsPerFile: 2 } })).id,
    );
    expect(split.files.map(({ rows }) => rows)).toEqual([2, 1]);
    expect(split.files[1]?.path).toMatch(/_2\.csv$/);
    expect(await scene.contentsOf(split)).toEqual([
      'email,city\r\na@x.io,\r\nb@x.io,"Wien, ""Innere Stadt"""\r\n',
      'email,city\r\nc@x.io,Köln\r\n',
    ]);
    expect((await scene.manifestOf(split)).files.map(({ rows }) => rows)).toEqual([2, 1]);

    const json = await scene.exported(
      (await scene.activated(await scene.segmentOf(MEMBERS), { files: { format: 'json' } })).id,
    );
    expect(json.files[0]?.path).toMatch(/\.jsonl$/);
    const lines = (await scene.contentsOf(json))[0]?.trimEnd().split('\n') ?? [];
    expect(lines.map((line) => JSON.parse(line) as object)).toEqual([
      { email: 'a@x.io', city: '' },
      { email: 'b@x.io', city: 'Wien, "Innere Stadt"' },
      { email: 'c@x.io', city: 'Köln' },
    ]);
  });

  it('leaves out and counts whoever lacks a required field, or shares a key with one that was updated later', async () => {
    const members = 'email,city,crm\na@x.io,,1\nb@x.io,Wien,2\nc@x.io,Bonn,2\n';
    const { id } = await scene.activated(await scene.segmentOf(members), {
      fields: [
        { source: 'attributes.crm', target: 'crm.id', key: true },
        { source: 'attributes.city', target: 'city', required: true },
      ],
    });
    const run = await scene.exported(id);
    expect(run.counts).toMatchObject({ read: 3, written: 1, skipped: 2 });
    expect((await scene.contentsOf(run))[0]).toMatch(/^crm_id,city\r\n2,(Wien|Bonn)\r\n$/);
    expect(Object.values(run.skippedBecause).reduce((sum, skipped) => sum + skipped, 0)).toBe(2);
    expect((await scene.manifestOf(run))['totals']).toMatchObject({
      rows: 1,
      skipped: 2,
      skippedBecause: run.skippedBecause,
    });
  });

  it('of an empty segment has a manifest and no file', async () => {
    const run = await scene.exported((await scene.activated(await scene.segmentOf('email\n'))).id);
    expect(run).toMatchObject({ status: 'completed', counts: { read: 0, written: 0 }, files: [] });
    expect((await scene.manifestOf(run)).files).toEqual([]);
  });

  it('leaves out the manifest where none is wanted', async () => {
    const run = await scene.exported(
      (await scene.activated(await scene.segmentOf(MEMBERS), { files: { manifest: false } })).id,
    );
    expect(run).toMatchObject({ status: 'completed', manifest: null, files: [{ rows: 3 }] });
  });

  it('makes a folder for each segment where the target says so', async () => {
    const segmentId = await scene.segmentOf(MEMBERS);
    const run = await scene.exported(
      (await scene.activated(segmentId, { target: { folder: 'other/%SEGMENT_NAME%/%SEGMENT_ID%' } })).id,
    );
    expect(run.files[0]?.path).toMatch(new RegExp(`^other/Name of ${segmentId}/${segmentId}/[^/]+\\.csv$`));
    expect(await scene.contentsOf(run)).toEqual([ROWS]);
  });
});

describe('a full export', () => {
  it('holds everybody who is in the segment, as they are now, and nobody who exited', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\nb@x.io,Bonn\n');
    const { id } = await scene.activated(segmentId);
    await scene.exported(id);
    await scene.changeSegment(segmentId, 'email,city\nb@x.io,Köln\nc@x.io,Ulm\n', 'replace');
    const run = await scene.exported(id);
    expect(run).toMatchObject({ mode: 'full', counts: { written: 2, exited: 0 } });
    expect(await scene.contentsOf(run)).toEqual(['email,city\r\nb@x.io,Köln\r\nc@x.io,Ulm\r\n']);
  });
});
