import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';

let scene: SftpExports;

beforeAll(async () => {
  scene = await startSftpExports();
});
afterAll(() => scene.close());

describe('erasing a profile', () => {
  it('names the destinations that were sent a segment while the profile was in it', async () => {
    const segmentId = await scene.segmentOf('email,city\nsent@x.io,Wien\nstays@x.io,Wien\n');
    const [sent, unsent] = [await scene.activated(segmentId), await scene.activated(segmentId)];
    const run = await scene.exported(sent.id);
    await scene.changeSegment(segmentId, 'email,city\nlater@x.io,Bonn\nsent@x.io,Wien\n', 'merge');

    const { body } = await scene.api.delete<{ destinations: readonly Record<string, unknown>[] }>(
      '/v1/profiles/sent%40x.io',
    );
    expect(body.destinations).toEqual([
      expect.objectContaining({ destinationId: sent.id, name: 'Weekly', segmentIds: [segmentId], lastRunId: run.id }),
    ]);
    expect(JSON.stringify(body)).not.toContain(unsent.id);
    expect((await scene.api.delete<{ destinations: object[] }>('/v1/profiles/later%40x.io')).body.destinations).toEqual(
      [],
    );
    expect(await scene.contentsOf(await scene.exported(sent.id))).toEqual(['email,city\r\nstays@x.io,Wien\r\n']);
  });
});
