import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { type Declared, declaredAnswersOf } from './testing/declared.js';
import { eventually } from './testing/eventually.js';
import { bodyOf, endOf, exportNow } from './testing/exports.js';
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
}, 90_000);
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
    const late = { prefer: 'wait=0' };
    expect((await api.post(`${path}/validations`, {}, late)).status).toBe(202);
    expect((await api.put(`${path}/target`, { target: partner.target }, late)).status).toBe(202);
    const { headers } = await api.post(`${path}/validations`, { testRecord: true });
    bodyOf(await api.get(headers.get('location') ?? ''));
  }, 60_000);

  it('and each of these routes was heard', () => {
    expect(declared.unheard(['delivery', 'destinations', 'activation', 'validations'])).toEqual([]);
  });
});
