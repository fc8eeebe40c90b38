import { readdir } from 'node:fs/promises';
import { outcomeOf } from './testing/expectations.js';
import { FIELDS, type SftpExports, startSftpExports } from './testing/sftp-exports.js';
import type { Page } from './testing/views.js';

let scene: SftpExports;

beforeAll(async () => {
  scene = await startSftpExports();
});
afterAll(() => scene.close());

describe('a preview', () => {
  it('shows names, counts and the first rows, and sends nothing', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\nb@x.io,Bonn\nc@x.io,\n');
    const { id } = await scene.activated(segmentId, {
      files: { compression: 'gzip', maxRowsPerFile: 2 },
      fields: [FIELDS[0], { ...FIELDS[1], required: true }],
    });
    const before = await readdir(scene.sftp.root, { recursive: true });
    const preview = (body: object) =>
      scene.api.post<Page<Record<string, unknown>>>(`/v1/destinations/${id}/previews`, body);
    const { status, body } = await preview({ rows: 1 });
    expect(status).toBe(200);
    expect(body.items).toEqual([
      {
        ...{ segmentId, mode: 'full', members: 3, toRead: 3 },
        ...{ header: 'email,city', rows: ['a@x.io,Wien'], rejected: [] },
        files: [expect.stringMatching(/^incoming\/Weekly_.*\.csv\.gz$/), expect.stringMatching(/_2\.csv\.gz$/)],
        manifest: `incoming/manifest-${id}-<run>.json`,
      },
    ]);
    expect((await preview({ segmentIds: [segmentId], rows: 100 })).body.items).toEqual([
      expect.objectContaining({
        rows: ['a@x.io,Wien', 'b@x.io,Bonn'],
        rejected: [{ profileId: 'c@x.io', reason: 'required:city' }],
      }),
    ]);
    expect(await readdir(scene.sftp.root, { recursive: true })).toEqual(before);
    expect((await scene.api.get<Page<object>>(`/v1/runs?destinationId=${id}`)).body.items).toEqual([]);
    expect(outcomeOf(await preview({ segmentIds: ['nobody'] }))).toBe('404 segment-not-activated');
    expect(outcomeOf(await preview({ rows: 0 }))).toBe('400 invalid-input');
  });
});
