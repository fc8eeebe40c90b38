import { generateKey } from 'openpgp';
import { type Api, apiOf } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { type IdentityProvider, startIdentityProvider } from './testing/identity-provider.js';
import { type Bodies, call, type Route, routesOf } from './testing/routes.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let issuer: IdentityProvider;
let waybill: Waybill;
let partner: SftpPartner;
let routes: readonly Route[];
let bodies: Bodies;
/** Things of the tenant "acme", by the path that leads to them. */
let things: Readonly<Record<string, string>>;

const apiWith = (token: string): Api => apiOf(() => waybill.address, { authorization: `Bearer ${token}` });

beforeAll(async () => {
  [issuer, partner] = await Promise.all([startIdentityProvider(), startSftpPartner()]);
  waybill = await startWaybill(issuer.environment);
  const acme = apiWith(await issuer.token('acme', ['operator']));
  routes = await routesOf(acme);

  const made = async <T>(answer: Promise<{ status: number; text: string; body: T }>): Promise<T> => {
    const { status, text, body } = await answer;
    if (status >= 300) throw new Error(text);
    return body;
  };
  const account = await made(acme.post<AccountView>('/v1/accounts', partner.account('Of acme')));
  const destination = await made(
    acme.post<DestinationView>('/v1/destinations', {
      accountId: account.id,
      name: 'Of acme',
      target: { folder: 'incoming' },
    }),
  );
  await made(acme.post('/v1/marketing-actions', { name: 'ofAcme' }));
  await made(acme.put('/v1/segments/of-acme', { name: 'Of acme' }));
  await made(
    acme.send('POST', '/v1/segments/of-acme/members?identity=email', 'email\nsomeone@acme.example\n', {
      'content-type': 'text/csv',
    }),
  );
  await made(acme.put(`/v1/destinations/${destination.id}/segments/of-acme`, { schedule: null }));
  const { items } = await made(acme.post<Page<{ id: string }>>(`/v1/destinations/${destination.id}/runs`, {}));
  const runId = items[0]?.id ?? '';
  await eventually(
    () => acme.get<{ status: string }>(`/v1/runs/${runId}`),
    ({ body }) => body.status === 'completed',
  );
  const redelivery = await made(
    acme.post<{ id: string }>(`/v1/destinations/${destination.id}/redeliveries`, { from: '2026-01-01T00:00:00Z' }),
  );
  things = {
    accounts: account.id,
    validations: account.validation.id,
    destinations: destination.id,
    'marketing-actions': 'ofAcme',
    catalog: 'sftp',
    segments: 'of-acme',
    profiles: 'someone@acme.example',
    runs: runId,
    redeliveries: redelivery.id,
  };
  bodies = await rightBodies(account.id);
});
afterAll(() => Promise.all([waybill.close(), partner.stop(), issuer.close()]));

const json = (value: object) => ({ type: 'application/json', content: JSON.stringify(value) });

const rightBodies = async (accountId: string): Promise<Bodies> => {
  const { publicKey } = await generateKey({ userIDs: [{ name: 'Partner' }] });
  return {
    'POST /v1/accounts': json(partner.account('Another')),
    'PATCH /v1/accounts/{id}': json({ name: 'Renamed' }),
    'PUT /v1/accounts/{id}/credentials': json({ authentication: partner.authentication() }),
    'PUT /v1/accounts/{id}/encryption-key': json({ encryptionKey: publicKey }),
    'POST /v1/destinations': json({ accountId, name: 'Another', target: { folder: 'other' } }),
    'PATCH /v1/destinations/{id}': json({ name: 'Renamed' }),
    'PUT /v1/destinations/{id}/marketing-actions': json({ marketingActions: ['analytics'] }),
    'PUT /v1/destinations/{id}/target': json({ target: { folder: 'other' } }),
    'PUT /v1/destinations/{id}/mapping': json({ fields: [{ source: 'profile.id', target: 'id', key: true }] }),
    'PUT /v1/destinations/{id}/segments/{segmentId}': json({ schedule: null }),
    'POST /v1/destinations/{id}/runs': json({}),
    'POST /v1/destinations/{id}/previews': json({}),
    'POST /v1/destinations/{id}/validations': json({}),
    'POST /v1/destinations/{id}/redeliveries': json({ from: '2026-01-01T00:00:00Z' }),
    'POST /v1/marketing-actions': json({ name: 'another' }),
    'PATCH /v1/marketing-actions/{name}': json({ friendlyName: 'Renamed' }),
    'POST /v1/segments': json({ name: 'Another' }),
    'PUT /v1/segments/{id}': json({ name: 'Renamed' }),
    'POST /v1/segments/{id}/members': { type: 'text/csv', content: 'email\nanother@acme.example\n' },
  };
};

/** What the parameters of a path stand for follows from what stands before them. */
const parametersOf = ({ path }: Route): Record<string, string> =>
  Object.fromEntries(
    [...path.matchAll(/\/([\w-]+)\/\{(\w+)\}/g)].map(([, collection = '', name]) => {
      const thing = things[collection];
      if (thing === undefined) throw new Error(`${path} leads to something of acme's that this spec has not made`);
      return [name, thing] as [string, string];
    }),
  );

const nameOf = ({ method, path }: Route) => `${method} ${path}`;
/** The status of every route for a caller. */
const statuses = async (headers: Record<string, string>, among: readonly Route[] = routes) => {
  const answers: Record<string, number> = {};
  for (const route of among) {
    answers[nameOf(route)] = (await call(waybill.address, route, parametersOf(route), bodies, headers)).status;
  }
  return answers;
};
const all = (status: number, among: readonly Route[] = routes): Record<string, number> =>
  Object.fromEntries(among.map((route) => [nameOf(route), status]));
const bearer = async (...given: Parameters<IdentityProvider['token']>) => ({
  authorization: `Bearer ${await issuer.token(...given)}`,
});

/** Changes nothing at first: reads, and what is refused; those that change things come last. */
describe('every route', () => {
  it('is among those walked here', () => {
    expect(routes.length).toBeGreaterThan(35);
    expect(routes.map(nameOf)).toEqual(expect.arrayContaining(['GET /v1/runs/{id}', 'GET /v1/events']));
  });

  it('is closed without a token', async () => {
    expect(await statuses({})).toEqual(all(401));
  });

  it.each<[string, () => Promise<Record<string, string>>]>([
    ['that is none', async () => ({ authorization: 'Bearer nonsense' })],
    ['by another scheme', async () => ({ authorization: 'Basic YWRtaW46YWRtaW4=' })],
    ['that has expired', () => bearer('acme', ['admin'], { exp: 1_700_000_000 })],
    ['that never expires', () => bearer('acme', ['admin'], { exp: undefined as never })],
    ['of another issuer', () => bearer('acme', ['admin'], { iss: 'https://other.example' })],
    ['for another audience', () => bearer('acme', ['admin'], { aud: 'another-product' })],
    ['without a subject', () => bearer('acme', ['admin'], { sub: undefined as never })],
    [
      'signed by somebody else',
      async () => {
        const other = await startIdentityProvider();
        const token = await other.token('acme', ['admin']);
        await other.close();
        return { authorization: `Bearer ${token}` };
      },
    ],
    [
      'that is not signed',
      async () => {
        const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
        const [, payload] = (await issuer.token('acme', ['admin'])).split('.');
        return { authorization: `Bearer ${encode({ alg: 'none' })}.${payload}.` };
      },
    ],
  ])('is closed for a token %s', async (_, headers) => {
    expect(await statuses(await headers())).toEqual(all(401));
  });

  it('is closed for one without roles, and for roles that there are none of', async () => {
    expect(await statuses(await bearer('acme', []))).toEqual(all(403));
    expect(await statuses(await bearer('acme', ['root', 'Admin']))).toEqual(all(403));
  });

  it.each(['viewer', 'auditor'])('is open for a %s who reads, and closed for changes', async (role) => {
    const headers = await bearer('acme', [role]);
    const reads = routes.filter(({ method }) => method === 'GET');
    const changes = routes.filter(({ method }) => method !== 'GET');
    expect(await statuses(headers, reads)).toEqual(all(200, reads));
    expect(await statuses(headers, changes)).toEqual(all(403, changes));
  });

  it("has nothing of one tenant for another, in another sandbox or under a tenant's own name: it is not found", async () => {
    const ofAcme = routes.filter(({ path }) => path.includes('{') && !path.startsWith('/v1/catalog/'));
    // An id that a client brings is its own in each tenant: this makes another segment of the same name.
    const owned = ofAcme.filter((route) => nameOf(route) !== 'PUT /v1/segments/{id}');
    for (const headers of [await bearer('other', ['admin']), await bearer('acme', ['admin'], { sandbox: 'dev' })]) {
      expect(await statuses(headers, owned)).toEqual(all(404, owned));
    }
  });

  it('lists nothing of one tenant to another', async () => {
    const headers = await bearer('other', ['admin']);
    const lists = routes.filter(({ method, path }) => method === 'GET' && !/\{|^\/v1\/schemas\//.test(path));
    for (const route of lists) {
      const { status, text } = await call(waybill.address, route, {}, {}, headers);
      expect([nameOf(route), status]).toEqual([nameOf(route), 200]);
      expect(text).not.toMatch(/acme/i);
    }
  });

  it("takes no account of another tenant's for a destination", async () => {
    const create = { method: 'POST', path: '/v1/destinations' };
    expect(await statuses(await bearer('other', ['admin']), [create])).toEqual({ 'POST /v1/destinations': 404 });
  });

  it('is open for an operator, but for erasure; and for an admin altogether', async () => {
    const commands = routes.filter(({ method }) => method !== 'GET' && method !== 'DELETE');
    const operator = await statuses(await bearer('acme', ['operator']), commands);
    expect(Object.entries(operator).filter(([, status]) => [400, 401, 403, 404].includes(status))).toEqual([]);

    const erasure = { method: 'DELETE', path: '/v1/profiles/{id}' };
    expect(await statuses(await bearer('acme', ['operator', 'auditor', 'viewer']), [erasure])).toEqual(
      all(403, [erasure]),
    );
    expect(await statuses(await bearer('acme', ['admin']), [erasure])).toEqual(all(200, [erasure]));
  });
});

describe('a token', () => {
  it('names who did it, and headers cannot say otherwise', async () => {
    const api = apiOf(() => waybill.address, {
      ...(await bearer('acme', ['operator'], { sub: 'mara' })),
      'x-actor': 'somebody else',
      'x-tenant': 'other',
      'x-sandbox': 'dev',
    });
    const { body } = await api.post<AccountView>('/v1/accounts', partner.account('By mara'));
    expect(body).toMatchObject({ connectedBy: 'mara' });
    expect((await apiWith(await issuer.token('acme', ['viewer'])).get(`/v1/accounts/${body.id}`)).status).toBe(200);
  });

  it.each([
    { tenant: undefined as never },
    { tenant: '../up' },
    { tenant: '' },
    { sandbox: 'a/b' },
    { tenant: 7 as never },
  ])('with the claims %j is refused as malformed, and names the claim', async (claims) => {
    const answer = await apiWith(await issuer.token('acme', ['admin'], claims)).get('/v1/accounts');
    expect(answer.status).toBe(400);
    expect(answer.problem.detail).toContain(Object.keys(claims)[0]);
  });
});

describe('what needs no token', () => {
  it.each([
    '/health/live',
    '/health/ready',
    '/metrics',
    '/openapi.json',
    '/docs',
    '/problems',
    '/problems/role-missing',
  ])('is %s', async (path) => {
    expect((await apiOf(() => waybill.address, {}).get(path)).status).toBe(200);
  });
});
