import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api();
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));

interface Card {
  readonly type: string;
  readonly delivers: string;
  readonly connected: boolean;
  readonly destinations: number;
  readonly primaryAction: string;
}
interface ActionView {
  readonly name: string;
  readonly core: boolean;
}

const cards = async (query = '', as: Api = api) => (await as.get<Page<Card>>(`/v1/catalog${query}`)).body.items;
const typesOf = async (query: string) => (await cards(query)).map(({ type }) => type);
const card = async (type: string) => (await cards()).find((one) => one.type === type);

describe('the catalog', () => {
  it('shows each destination type as a card that says what to do first', async () => {
    expect(await card('sftp')).toEqual({
      type: 'sftp',
      name: expect.any(String),
      description: expect.any(String),
      category: expect.any(String),
      delivers: 'files',
      connected: false,
      destinations: 0,
      primaryAction: 'configure',
    });
    expect(await typesOf('')).toEqual(expect.arrayContaining(['amazon-s3', 'sftp']));
  });

  it('is searched and filtered', async () => {
    expect(await typesOf('?search=SFTP')).toEqual(['sftp']);
    expect(await typesOf('?category=cloudStorage')).toEqual(expect.arrayContaining(['amazon-s3', 'sftp']));
    expect(await typesOf('?category=none-of-these')).toEqual([]);
    expect(await typesOf('?connected=true')).toEqual([]);
    expect(outcomeOf(await api.get('/v1/catalog?connected=yes'))).toBe('400 invalid-input');
  });

  it('gives the form of each step as JSON Schema, in its order, secrets to be written only', async () => {
    const { body } = await api.get<{
      authentication: { method: string; title: string; schema: { properties: Record<string, object> } }[];
      target: { schema: { properties: Record<string, object> } };
      encryption: boolean;
    }>('/v1/catalog/sftp');
    expect(body.encryption).toBe(true);
    expect(body.authentication.map(({ method }) => method)).toEqual(['password', 'ssh-key']);
    const password = body.authentication[0]?.schema;
    expect(password).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      required: expect.arrayContaining(['host', 'username', 'password']),
      additionalProperties: false,
      properties: { password: { type: 'string', writeOnly: true } },
    });
    const order = Object.values(password?.properties ?? {}).map((field) => (field as { 'x-order': number })['x-order']);
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(Object.keys(body.target.schema.properties)).toEqual(['folder']);
    expect(outcomeOf(await api.get('/v1/catalog/carrier-pigeon'))).toBe('404 destination-type-unknown');
  });

  it('says for each tenant what is connected, and leads to activation once there is a destination', async () => {
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('Acme'));
    await eventually(
      () => card('sftp'),
      (sftp) => sftp?.connected === true,
    );
    expect(await card('sftp')).toMatchObject({ destinations: 0, primaryAction: 'configure' });
    expect(await typesOf('?connected=true')).toEqual(['sftp']);

    const { body: destination } = await api.post<DestinationView>('/v1/destinations', {
      accountId: account.id,
      name: 'Weekly',
      target: { folder: 'incoming' },
    });
    await eventually(
      () => card('sftp'),
      (sftp) => sftp?.destinations === 1,
    );
    expect(await card('sftp')).toMatchObject({ connected: true, primaryAction: 'activate' });
    expect((await cards('', waybill.api({ 'x-tenant': 'other' }))).some(({ connected }) => connected)).toBe(false);

    await api.delete(`/v1/destinations/${destination.id}`);
    await api.delete(`/v1/accounts/${account.id}`);
    await eventually(
      () => card('sftp'),
      (sftp) => sftp?.connected === false && sftp.primaryAction === 'configure',
    );
  });
});

describe('marketing actions', () => {
  const list = async (headers: Record<string, string> = {}) =>
    (await api.get<Page<ActionView>>('/v1/marketing-actions', headers)).body.items;

  it('begin with the core ones, which cannot be changed', async () => {
    const core = (await list()).filter((action) => action.core);
    expect(core.map(({ name }) => name)).toEqual(expect.arrayContaining(['emailTargeting', 'exportToThirdParty']));
    expect(core).toHaveLength(10);
    const path = '/v1/marketing-actions/emailTargeting';
    expect(await api.get(path)).toMatchObject({ status: 200, body: { name: 'emailTargeting', core: true } });
    expect(outcomeOf(await api.patch(path, { friendlyName: 'Spam' }))).toBe('409 marketing-action-core');
    expect(outcomeOf(await api.delete(path))).toBe('409 marketing-action-core');
    expect(outcomeOf(await api.post('/v1/marketing-actions', { name: 'EmailTargeting' }))).toBe(
      '409 marketing-action-core',
    );
  });

  it("can be a tenant's own: defined, revised and removed", async () => {
    const action = { name: 'winBack', friendlyName: 'Win back', description: 'Ask those who left to return.' };
    const defined = await api.post('/v1/marketing-actions', action);
    expect(defined).toMatchObject({ status: 201, body: { ...action, core: false } });
    expect(defined.headers.get('etag')).toBe('"0"');
    expect(outcomeOf(await api.post('/v1/marketing-actions', { name: 'winBack' }))).toBe('409 marketing-action-exists');

    const path = '/v1/marketing-actions/winBack';
    const revised = await api.patch(path, { description: 'Ask nicely.' }, { 'if-match': '"0"' });
    expect(revised).toMatchObject({ status: 200, body: { ...action, description: 'Ask nicely.' } });
    expect(outcomeOf(await api.patch(path, { description: 'Ask.' }, { 'if-match': '"0"' }))).toBe(
      '412 version-mismatch',
    );
    const seen = { 'x-min-position': revised.headers.get('x-position') ?? '' };
    expect((await list(seen)).map(({ name }) => name)).toContain('winBack');
    expect(outcomeOf(await waybill.api({ 'x-tenant': 'other' }).get(path))).toBe('404 marketing-action-not-found');

    const removed = await api.delete(path);
    expect(removed.status).toBe(204);
    expect(outcomeOf(await api.get(path))).toBe('404 marketing-action-not-found');
    expect(
      (await list({ 'x-min-position': removed.headers.get('x-position') ?? '' })).map(({ name }) => name),
    ).not.toContain('winBack');
    expect(await api.post('/v1/marketing-actions', action)).toMatchObject({ status: 201 });
  });

  it('in use cannot be removed, and the destinations that state it are named', async () => {
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('For actions'));
    await api.post('/v1/marketing-actions', { name: 'upsell' });
    const { body: destination } = await api.post<DestinationView>('/v1/destinations', {
      accountId: account.id,
      name: 'Upsell file',
      marketingActions: ['upsell'],
      target: { folder: 'incoming' },
    });
    const refused = await api.delete('/v1/marketing-actions/upsell');
    expect(outcomeOf(refused)).toBe('409 marketing-action-in-use');
    expect(refused.problem['destinations']).toEqual([{ id: destination.id, name: 'Upsell file' }]);

    const path = `/v1/destinations/${destination.id}/marketing-actions`;
    expect(await api.put(path, { marketingActions: [] })).toMatchObject({
      status: 200,
      body: { marketingActions: [] },
    });
    expect((await api.delete('/v1/marketing-actions/upsell')).status).toBe(204);
  });

  it.each(['', 'has space', 'a/b', '../up', '1st', 'x'.repeat(101), 'nul\u0000'])(
    'refuse the name %j, which paths and manifests could not hold',
    async (name) => {
      expect(outcomeOf(await api.post('/v1/marketing-actions', { name }))).toBe('400 invalid-input');
    },
  );
});
