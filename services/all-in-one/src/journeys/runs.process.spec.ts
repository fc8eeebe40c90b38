import { outcomeOf } from './testing/expectations.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';

let scene: SftpExports;

beforeAll(async () => {
  scene = await startSftpExports();
}, 90_000);
afterAll(() => scene.close());

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
