import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { type Declared, declaredAnswersOf } from './testing/declared.js';
import { eventually } from './testing/eventually.js';
import { bodyOf, endOf, exportNow, receiverKey } from './testing/exports.js';
import { untilHourHasAMinuteLeft } from './testing/hour.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';
import { kinesisPartner, type Member, setUpStream } from './testing/streams.js';

let scene: SftpExports;
let kinesis: KinesisServer;
let declared: Declared;
let api: Api;

beforeAll(async () => {
  [scene, kinesis] = await Promise.all([startSftpExports(), startKinesisServer({ streams: { events: 1 } })]);
  declared = await declaredAnswersOf(scene.api);
  ({ api } = declared);
});
beforeEach(untilHourHasAMinuteLeft, 90_000);
afterAll(async () => {
  await scene?.close();
  await kinesis?.stop();
});

describe('Answers are as /openapi.json declares them', () => {
  it('of what delivers files', async () => {
    const segmentId = await scene.segmentOf('email,city\na@x.io,Wien\nb@x.io,\n');
    const { id } = await scene.activated(segmentId);
    const path = `/v1/destinations/${id}`;
    for (const list of ['/v1/destinations', path, `${path}/history`]) bodyOf(await api.get(list));
    bodyOf(await api.patch(path, { description: 'Weekly' }));
    bodyOf(await api.put(`${path}/marketing-actions`, { marketingActions: ['emailTargeting'] }));
    bodyOf(await api.put(`${path}/target`, { target: { folder: 'incoming' } }));
    bodyOf(await api.post(`${path}/validations`));
    bodyOf(await api.post(`${path}/disable`));
    bodyOf(await api.post(`${path}/enable`));
    const fields = [
      { source: 'identities.email', target: 'email', key: true },
      { source: 'attributes.city', target: 'city', required: true },
    ];
    bodyOf(await api.put(`${path}/mapping`, { fields }));
    bodyOf(await api.post(`${path}/previews`, {}));
    await endOf(api, await exportNow(api, id));

    scene.sftp.faults.onRequest = ({ name }) => (name === 'WRITE' ? 'hang' : undefined);
    const stuck = await exportNow(api, id);
    await eventually(
      async () => bodyOf(await api.get<{ status: string }>(`/v1/runs/${stuck}`)).status,
      (status) => status === 'running',
    );
    bodyOf(await api.post(`/v1/runs/${stuck}/cancel`));
    delete scene.sftp.faults.onRequest;
    await endOf(api, stuck);

    scene.sftp.faults.onRequest = ({ name }) => (name === 'OPEN' ? { status: 3, message: 'No.' } : undefined);
    const failing = await exportNow(api, id);
    const { failure } = await endOf(api, failing);
    expect(failure?.type).toMatch(/^\/problems\//);
    delete scene.sftp.faults.onRequest;
    bodyOf(await api.post(`/v1/runs/${failing}/retry`));
    await endOf(api, failing);
    bodyOf(await api.delete(`${path}/segments/${segmentId}`));
    expect((await api.delete(path)).status).toBe(204);
  }, 60_000);

  it('of what delivers events', async () => {
    bodyOf(await scene.api.put('/v1/segments/loyal', { name: 'Loyal' }));
    const report = async (members: readonly Member[]) => {
      const lines = members.map(({ id, identities = {} }) => JSON.stringify({ id, identities }));
      const headers = { 'content-type': 'application/x-ndjson' };
      bodyOf(await scene.api.send('POST', '/v1/segments/loyal/members?identity=id', lines.join('\n'), headers));
    };
    await report([
      { id: 'keyed', firstName: '', identities: { crm: '1' } },
      { id: 'keyless', firstName: '' },
    ]);
    const partner = kinesisPartner(kinesis, 'events');
    const id = await setUpStream(api, partner, 'loyal', { partitionKey: 'identities.crm' });
    const path = `/v1/destinations/${id}`;
    bodyOf(await api.put(`${path}/segments/loyal`, {}));
    await eventually(
      async () => bodyOf(await api.get<{ items: object[] }>(`${path}/dead-letters`)).items,
      (letters) => letters.length === 1,
    );
    const preview = await eventually(
      () => api.post<{ items: readonly { rejected: object[]; events: object[] }[] }>(`${path}/previews`, {}),
      ({ status }) => status === 200,
    );
    expect(preview.body.items[0]).toMatchObject({ events: [{}], rejected: [{}] });
    const runs = await eventually(
      async () => bodyOf(await api.get<{ items: { id: string }[] }>(`/v1/runs?destinationId=${id}`)).items,
      ({ length }) => length === 1,
    );
    bodyOf(await api.get(`/v1/runs/${runs[0]?.id}`));
    bodyOf(await api.post(`${path}/redeliveries`, { code: 'partition-key-missing', dryRun: true }));
    const asked = await api.post(`${path}/redeliveries`, { code: 'partition-key-missing' });
    await eventually(
      async () => bodyOf(await api.get<{ status: string }>(asked.headers.get('location') ?? '')).status,
      (status) => status === 'done',
    );
    bodyOf(await api.get(`${path}/redeliveries`));
    bodyOf(await api.delete(`${path}/dead-letters?code=partition-key-missing`));
    const late = { prefer: 'wait=0' };
    kinesis.inject('PutRecords', { kind: 'delay', ms: 3_000 }, 100); // so that no proof is done at once
    expect((await api.post(`${path}/validations`, {}, late)).status).toBe(202);
    expect((await api.put(`${path}/target`, { target: partner.target }, late)).status).toBe(202);
    kinesis.reset();
    const { headers } = await api.post(`${path}/validations`, { testRecord: true });
    bodyOf(await api.get(headers.get('location') ?? ''));
  }, 60_000);

  it('of what is known of people', async () => {
    const { id: made } = bodyOf(await api.post<{ id: string }>('/v1/segments', { name: 'Made' }));
    for (const name of ['New', 'Known']) bodyOf(await api.put('/v1/segments/known', { name, description: 'Of ours' }));
    bodyOf(await api.get(`/v1/segments/${made}`));
    bodyOf(await api.get('/v1/segments?search=Known'));
    const lines = '{"id":"ada","identities":{"email":"ada@x.io"},"attributes":{"age":36}}\nno line\n';
    const headers = { 'content-type': 'application/x-ndjson' };
    const load = await api.send<{ rejections: object[] }>('POST', '/v1/segments/known/members', lines, headers);
    expect(bodyOf(load).rejections).toHaveLength(1);
    bodyOf(await api.get('/v1/profiles/ada'));
    bodyOf(await api.delete('/v1/profiles/ada'));
    const { body } = await scene.api.get<{ items: { id: string }[] }>('/v1/destinations');
    expect(body.items.length).toBeGreaterThan(0);
    bodyOf(await scene.api.send('POST', '/v1/segments/loyal/members', '{"id":"keyed"}', headers));
    const erased = await api.delete<{ destinations: object[] }>('/v1/profiles/keyed');
    expect(bodyOf(erased).destinations).toHaveLength(1);
  });

  it('of accounts and of what can be connected to', async () => {
    for (const list of ['/v1/catalog', '/v1/catalog?connected=true', '/v1/marketing-actions', '/v1/accounts'])
      bodyOf(await api.get(list));
    for (const { type } of bodyOf(await api.get<{ items: { type: string }[] }>('/v1/catalog')).items)
      bodyOf(await api.get(`/v1/catalog/${type}`));
    for (const schema of ['profile-event', 'test-record']) bodyOf(await api.get(`/v1/schemas/${schema}.json`));
    bodyOf(await api.post('/v1/marketing-actions', { name: 'own', friendlyName: 'Own', description: '' }));
    bodyOf(await api.get('/v1/marketing-actions/own'));
    bodyOf(await api.patch('/v1/marketing-actions/own', { friendlyName: 'Our own' }));
    bodyOf(await api.delete('/v1/marketing-actions/own'));
    bodyOf(await api.post('/v1/external-ids'));

    const late = { prefer: 'wait=0' };
    const { type, authentication } = kinesisPartner(kinesis, 'events');
    const form = { type, name: 'Answers', authentication };
    const { id } = bodyOf(await api.post<{ id: string }>('/v1/accounts', form));
    expect((await api.post('/v1/accounts', form, late)).status).toBe(202);
    const path = `/v1/accounts/${id}`;
    bodyOf(await api.get(path));
    bodyOf(await api.patch(path, { name: 'Renamed' }));
    bodyOf(await api.put(`${path}/credentials`, { authentication }));
    bodyOf(await api.post(`${path}/validations`));
    expect((await api.put(`${path}/credentials`, { authentication }, late)).status).toBe(202);
    const { items } = bodyOf(await api.get<{ items: { id: string; type: string }[] }>('/v1/accounts?type=sftp'));
    const { armored: encryptionKey } = await receiverKey();
    bodyOf(await api.put(`/v1/accounts/${items[0]?.id}/encryption-key`, { encryptionKey }));
    bodyOf(await api.delete(`/v1/accounts/${items[0]?.id}/encryption-key`));
    expect(
      await eventually(
        () => api.delete(path),
        ({ status }) => status !== 409,
      ),
    ).toMatchObject({ status: 204 });
  });

  it('of how it goes', async () => {
    for (const path of ['/health/live', '/health/ready']) bodyOf(await api.get(path));
  });

  it('and each of the routes was heard, but for the one that never ends', () => {
    expect(declared.unheard()).toEqual(['GET /v1/events']);
  });
});
