import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;
let account: AccountView;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api();
  account = (await api.post<AccountView>('/v1/accounts', partner.account('Acme'))).body;
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));

const JSON_TYPE = { 'content-type': 'application/json' };
const fieldsOf = (answer: { problem: { fields?: readonly { path: string; message: string }[] } }) =>
  (answer.problem.fields ?? []).map(({ path, message }) => `${path}: ${message}`);
const destination = (changes: object = {}) => ({
  accountId: account.id,
  name: 'Weekly',
  target: { folder: 'incoming' },
  ...changes,
});

describe('an unknown field', () => {
  it.each<[string, string, string, () => object, string]>([
    [
      'POST',
      '/v1/accounts',
      'nmae',
      () => ({ ...partner.account('x'), nmae: 'y' }),
      'nmae: unknown field; did you mean "name"?',
    ],
    [
      'POST',
      '/v1/accounts',
      'authentication.pasword',
      () => ({ type: 'sftp', name: 'x', authentication: { ...partner.authentication(), pasword: 'y' } }),
      'authentication.pasword: unknown field; did you mean "password"?',
    ],
    [
      'POST',
      '/v1/destinations',
      'files.compresion',
      () => destination({ files: { compresion: 'gzip' } }),
      'files.compresion: unknown field; did you mean "compression"?',
    ],
    [
      'POST',
      '/v1/destinations',
      'files.csv.delimeter',
      () => destination({ files: { csv: { delimeter: ',' } } }),
      'files.csv.delimeter: unknown field; did you mean "delimiter"?',
    ],
    [
      'POST',
      '/v1/marketing-actions',
      'zzz',
      () => ({ name: 'a', zzz: 1 }),
      'zzz: unknown field; known are name, friendlyName, description',
    ],
    [
      'PUT',
      '/v1/segments/s',
      'descripton',
      () => ({ name: 'S', descripton: 'd' }),
      'descripton: unknown field; did you mean "description"?',
    ],
  ])('%s %s: %s is named, with the nearest known one', async (method, path, _, body, message) => {
    const answer = await api.send(method, path, JSON.stringify(body()), JSON_TYPE);
    expect(answer.status).toBe(400);
    expect(`${fieldsOf(answer).join()} ${answer.problem.detail}`).toContain(message);
  });

  it('of a query is named as well', async () => {
    const answer = await api.get('/v1/accounts?serach=x');
    expect(outcomeOf(answer)).toBe('400 invalid-input');
    expect(fieldsOf(answer)).toEqual(['serach: unknown field; did you mean "search"?']);
  });
});

describe('a wrong type', () => {
  it.each<[string, string, () => unknown, string]>([
    ['POST', '/v1/accounts', () => ({ ...partner.account('x'), name: 7 }), 'name'],
    ['POST', '/v1/accounts', () => ({ ...partner.account('x'), authentication: 'password' }), 'authentication'],
    ['POST', '/v1/accounts', () => partner.account('x', { port: '22' }), 'authentication.port'],
    ['POST', '/v1/accounts', () => partner.account('x', { port: 70_000 }), 'authentication.port'],
    ['POST', '/v1/accounts', () => partner.account('x', { host: ['a'] }), 'authentication.host'],
    ['POST', '/v1/accounts', () => partner.account('x', { method: 'telepathy' }), 'authentication.method'],
    ['POST', '/v1/accounts', () => partner.account('x', { password: '' }), 'authentication.password'],
    ['POST', '/v1/destinations', () => destination({ target: [] }), 'target'],
    ['POST', '/v1/destinations', () => destination({ marketingActions: 'analytics' }), 'marketingActions'],
    ['POST', '/v1/destinations', () => destination({ marketingActions: [{}] }), 'marketingActions'],
    ['POST', '/v1/destinations', () => destination({ files: { manifest: 'yes' } }), 'files.manifest'],
    ['POST', '/v1/destinations', () => destination({ files: 'csv' }), 'files'],
    ['POST', '/v1/segments', () => ({ name: null }), 'name'],
    ['POST', '/v1/segments', () => ({ name: { $gt: '' } }), 'name'],
  ])('$0 $1: $3 %#', async (method, path, body, field) => {
    const answer = await api.send(method, path, JSON.stringify(body()), JSON_TYPE);
    expect(outcomeOf(answer)).toBe('400 invalid-input');
    expect(answer.problem.fields?.map((one) => one.path)).toContain(field);
  });

  it.each(['[]', '"text"', '7', 'null', 'true'])('of the whole body, %s, is refused', async (body) => {
    expect((await api.send('POST', '/v1/segments', body, JSON_TYPE)).status).toBe(400);
  });
});

describe('a body', () => {
  it.each(['{"name":', '{name: 1}', '{"name":"S","__proto__":{"a":1}}', '', '{"a":1}{"b":2}', '\ufeff'])(
    'that is no JSON, %j, is malformed',
    async (body) => {
      const answer = await api.send('POST', '/v1/segments', body, JSON_TYPE);
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
    },
  );

  it('of 10 MB is too large, and the process goes on', async () => {
    const huge = JSON.stringify({ name: 'x'.repeat(10 * 1024 * 1024) });
    expect(outcomeOf(await api.send('POST', '/v1/segments', huge, JSON_TYPE))).toBe('413 body-too-large');
    expect((await api.get('/health/live')).status).toBe(200);
  });

  it('that is deep is refused or read, and the process goes on', async () => {
    const deep = `{"name":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect((await api.send('POST', '/v1/segments', deep, JSON_TYPE)).status).toBe(400);
    expect((await api.get('/health/live')).status).toBe(200);
  });

  it.each([
    'application/xml',
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/csv',
  ])('of type %s is not taken where JSON is expected', async (type) => {
    const answer = await api.send('POST', '/v1/segments', 'name=S', { 'content-type': type });
    expect(outcomeOf(answer)).toBe('415 content-type-unsupported');
    expect((await api.get('/health/live')).status).toBe(200);
  });
});

describe('a name', () => {
  const NAMES: readonly [string, string][] = [
    ['a NUL', 'a\u0000b'],
    ['a line end', 'a\nb'],
    ['an escape character', 'a\u001b[31mb'],
    ['a C1 control character', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
    ['nothing but spaces', '   '],
    ['nothing', ''],
    ['300 characters', 'x'.repeat(300)],
    ['half of a surrogate pair', 'a\ud800b'],
  ];

  it.each(NAMES)('with %s is refused everywhere', async (_, name) => {
    const answers = await Promise.all([
      api.post('/v1/accounts', partner.account(name)),
      api.patch(`/v1/accounts/${account.id}`, { name }),
      api.post('/v1/destinations', destination({ name })),
      api.post('/v1/segments', { name }),
      api.post('/v1/marketing-actions', { name: 'fine', friendlyName: name }),
    ]);
    for (const answer of answers) {
      expect(outcomeOf(answer)).toBe('400 invalid-input');
      expect(answer.problem.fields?.map(({ path }) => path)).toEqual([expect.stringMatching(/^(name|friendlyName)$/)]);
    }
  });

  it('may be in any script, with quotes, markup and 256 characters', async () => {
    for (const name of ['Grüße an "Ä" & <b>Ö</b>', '顧客 😀', "Robert'); drop table accounts;--", 'x'.repeat(256)]) {
      const answer = await api.patch<AccountView>(`/v1/accounts/${account.id}`, { name });
      expect(answer).toMatchObject({ status: 200, body: { name } });
    }
  });

  it('in a description may span lines, but holds no NUL', async () => {
    const made = await api.post('/v1/segments', { name: 'Described', description: 'Two\nlines\tand a tab' });
    expect(made).toMatchObject({ status: 201, body: { description: 'Two\nlines\tand a tab' } });
    for (const answer of await Promise.all([
      api.post('/v1/segments', { name: 'S', description: 'a\u0000b' }),
      api.post('/v1/destinations', destination({ description: 'a\u0000b' })),
      api.post('/v1/marketing-actions', { name: 'nul', description: 'a\u0000b' }),
    ])) {
      expect(outcomeOf(answer)).toBe('400 invalid-input');
    }
  });
});

describe('a time', () => {
  const PLACES = ['dead-letters?from', 'dead-letters?to', 'history?from', 'history?to', '?asOf'] as const;

  it.each(['2026', '2026-11', '2026-W12', '2026-11-22', '2026-11-22T10:00:00', '2026-02-30T10:00:00Z', 'now', ''])(
    '%j, which is not one of RFC 3339 with its zone, is refused everywhere',
    async (time) => {
      const path = '/v1/destinations/1';
      const answers = await Promise.all([
        ...PLACES.map((place) => api.get(`${path}${place.startsWith('?') ? '' : '/'}${place}=${time}`)),
        api.post(`${path}/redeliveries`, { from: time }),
        api.post(`${path}/redeliveries`, { to: time }),
      ]);
      for (const answer of answers) {
        expect(outcomeOf(answer)).toBe('400 invalid-input');
        expect(fieldsOf(answer)).toEqual([
          expect.stringMatching(/^(from|to|asOf): must be a time with its zone, such as 2026-11-22T10:00:00Z$/),
        ]);
      }
    },
  );
});

describe('a search, a path or a header', () => {
  it.each(['a%00b', '%25', "'", '\\', '%F0%9F%98%80'])('may hold %s without harm', async (text) => {
    for (const path of ['accounts', 'destinations', 'segments']) {
      const { status } = await api.get<Page<object>>(`/v1/${path}?search=${text}`);
      expect(text === 'a%00b' ? [200, 400] : [200]).toContain(status);
    }
  });

  it.each([
    '/v1/accounts/a%00b',
    '/v1/destinations/%00',
    '/v1/runs/%00',
    '/v1/validations/%00',
    '/v1/profiles/a%00b',
    '/v1/segments/a%00b',
  ])('%s is not found or malformed, and no defect', async (path) => {
    expect([400, 404]).toContain((await api.get(path)).status);
  });

  it.each([
    '/v1/accounts/1',
    '/v1/accounts/%F0%9F%98%80',
    '/v1/destinations/not-a-uuid/history',
    `/v1/runs/${'x'.repeat(3000)}`,
    '/v1/accounts/%',
  ])('%s leads nowhere', async (path) => {
    const answer = await api.get(path);
    expect([400, 404, 414]).toContain(answer.status);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  });

  it.each(['../up', 'a b', '', 'x'.repeat(101), 'ä'])('X-Tenant may not be %j', async (tenant) => {
    const headers = { 'x-tenant': Buffer.from(tenant).toString('latin1') };
    expect(outcomeOf(await waybill.api(headers).get('/v1/accounts'))).toBe('400 tenant-malformed');
  });

  it('X-Actor is taken as it comes, and shown as it came', async () => {
    const answer = await waybill
      .api({ 'x-actor': '<script>alert(1)</script>' })
      .post<AccountView>('/v1/accounts', partner.account('By a joker'));
    expect(answer.body.connectedBy).toBe('<script>alert(1)</script>');
    expect(answer.headers.get('content-type')).toContain('application/json');
  });
});

it('no problem of all these was a defect of ours', () => {
  expect(waybill.output).not.toMatch(/"level":50|internal-error/);
});
