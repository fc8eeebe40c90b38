import { startS3Server, type S3Server } from '@waybill/testkit/s3-server';
import type { Api } from './testing/api.js';
import { bodyOf } from './testing/exports.js';
import { outcomeOf } from './testing/expectations.js';
import type { AccountView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let api: Api;
let server: S3Server;
let accountId: string;

beforeAll(async () => {
  [waybill, server] = await Promise.all([
    startWaybill(),
    startS3Server({ region: 'us-east-1', buckets: { here: 'us-east-1', elsewhere: 'eu-west-1' } }),
  ]);
  api = waybill.api();
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const authentication = { method: 'access-key', accessKeyId, secretAccessKey, region, endpoint, forcePathStyle: true };
  accountId = bodyOf(await api.post<AccountView>('/v1/accounts', { type: 'amazon-s3', name: 'S3', authentication })).id;
});
afterAll(() => Promise.all([waybill.close(), server.stop()]));
afterEach(() => server.reset());

const create = (target: object) => api.post('/v1/destinations', { accountId, name: 'Weekly', target });

describe('a destination on S3 is not created', () => {
  it.each([
    ['in another region, which is named', { bucket: 'elsewhere', folder: 'in' }, 'wrong-region', /eu-west-1/],
    ['that there is none of', { bucket: 'nowhere', folder: 'in' }, 'not-found', /bucket/],
  ])('for a bucket %s', async (_, target, code, says) => {
    const answer = await create(target);
    expect(outcomeOf(answer)).toBe('422 target-rejected');
    const failed = answer.problem.checks?.find(({ outcome }) => outcome === 'failed');
    expect(failed?.code).toMatch(new RegExp(`^${code}`));
    expect(`${failed?.message} ${failed?.remedy}`).toMatch(says);
  });

  it('without the right to write, and leaves nothing behind', async () => {
    server.denied.add('s3:PutObject');
    const answer = await create({ bucket: 'here', folder: 'in' });
    expect(outcomeOf(answer)).toBe('422 target-rejected');
    const failed = answer.problem.checks?.filter(({ outcome }) => outcome === 'failed');
    expect(failed).toContainEqual(expect.objectContaining({ code: expect.stringMatching(/^permission-denied/) }));
    expect([...server.buckets.get('here')!.objects.keys(), ...server.uploads.keys()]).toEqual([]);
  });

  it('so that there is none after all this', async () => {
    expect(bodyOf(await api.get<Page<object>>('/v1/destinations')).items).toEqual([]);
  });
});
