import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { denying } from '@waybill/testkit/sftp-server';
import type { Api } from './testing/api.js';
import { outcomeOf, TIME, UUID } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView, HistoryEvent, Page, ValidationView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;
let accountId: string;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api({ 'x-actor': 'mara' });
  accountId = (await api.post<AccountView>('/v1/accounts', partner.account('Acme'))).body.id;
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));
afterEach(() => {
  delete partner.faults.onRequest;
});

const create = (name: string, changes: object = {}) =>
  api.post<DestinationView>('/v1/destinations', { accountId, name, target: { folder: 'incoming' }, ...changes });
const made = async (name: string, changes: object = {}) => {
  const { status, body } = await create(name, changes);
  expect(status).toBe(201);
  return body;
};
const shown = async (id: string, query = '') => (await api.get<DestinationView>(`/v1/destinations/${id}${query}`)).body;
const historyOf = async (id: string, query = '') =>
  (await api.get<Page<HistoryEvent>>(`/v1/destinations/${id}/history${query}`)).body.items;

describe('creating a destination', () => {
  it('answers with it once its target was proven, and the proof leaves nothing behind', async () => {
    const answer = await create('Weekly', { description: 'Every Monday', marketingActions: ['emailTargeting'] });
    expect(answer).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(UUID),
        accountId,
        type: 'sftp',
        status: 'enabled',
        name: 'Weekly',
        description: 'Every Monday',
        marketingActions: ['emailTargeting'],
        target: { folder: 'incoming' },
        files: {
          format: 'csv',
          compression: 'none',
          csv: { delimiter: ',', quote: '"', escape: '"', nullValue: '', emptyValue: '', injection: 'machine' },
          manifest: true,
          maxRowsPerFile: 5_000_000,
        },
        segments: [],
        revision: 0,
      },
    });
    expect(answer.headers.get('etag')).toBe('"0"');
    expect(answer.headers.get('location')).toBe(`/v1/destinations/${answer.body.id}`);
    const read = await api.get(`/v1/destinations/${answer.body.id}`);
    expect(read.body).toEqual(answer.body);
    expect(read.headers.get('etag')).toBe('"0"');
    expect(await readdir(join(partner.root, 'incoming'))).toEqual([]);
  });

  it('is refused for a folder that is not there, with the checks', async () => {
    const answer = await create('Nowhere', { target: { folder: 'missing' } });
    expect(outcomeOf(answer)).toBe('422 target-rejected');
    const failed = answer.problem.checks?.filter(({ outcome }) => outcome === 'failed');
    expect(failed?.[0]).toMatchObject({
      resource: expect.stringContaining('missing'),
      remedy: expect.stringMatching(/./),
    });
    expect(answer.problem.detail).toContain(failed?.[0]?.message);
    expect((await api.get<Page<object>>('/v1/destinations?search=Nowhere')).body.items).toEqual([]);
  });

  it('is refused where the folder may not be written to', async () => {
    partner.faults.onRequest = denying('OPEN');
    const answer = await create('Read only');
    expect(outcomeOf(answer)).toBe('422 target-rejected');
    expect(answer.problem.checks?.find(({ outcome }) => outcome === 'failed')?.name).toMatch(/write|open|create/);
  });

  it('survives whatever the partner says, and shows it without control characters', async () => {
    partner.faults.onRequest = ({ name }) =>
      name === 'OPEN' ? { status: 4, message: `No\u0000pe \u001b[31m${'x'.repeat(20_000)}` } : undefined;
    const answer = await create('Strange');
    expect(outcomeOf(answer)).toBe('422 target-rejected');

    expect(JSON.stringify(answer.body)).not.toMatch(/[\u0000-\u001f]|\\u00[01]/);
    delete partner.faults.onRequest;
    expect(await made('After it')).toMatchObject({ status: 'enabled' });
  });

  it('is refused with a marketing action that there is none of, and allowed with none', async () => {
    const answer = await create('Typo', { marketingActions: ['emailTargeting', 'emialTargeting'] });
    expect(outcomeOf(answer)).toBe('422 marketing-action-unknown');
    expect(answer.problem.fields).toEqual([
      { path: 'marketingActions', message: expect.stringContaining('"emialTargeting"') },
    ]);
    expect(outcomeOf(await create('Twice', { marketingActions: ['analytics', 'analytics'] }))).toBe(
      '422 marketing-actions-repeated',
    );
    expect(await made('None stated', { marketingActions: [] })).toMatchObject({ marketingActions: [] });
    expect(await made('Left out')).toMatchObject({ marketingActions: [] });
  });

  it('is refused on an account that there is none of, of another tenant or of another sandbox', async () => {
    const body = { accountId, name: 'Foreign', target: { folder: 'incoming' } };
    expect(outcomeOf(await create('Orphan', { accountId: crypto.randomUUID() }))).toBe('404 account-not-found');
    for (const headers of [{ 'x-tenant': 'other' }, { 'x-sandbox': 'dev' }]) {
      expect(outcomeOf(await waybill.api(headers).post('/v1/destinations', body))).toBe('404 account-not-found');
    }
  });

  it.each([
    ['files.format', { files: { format: 'xlsx' } }, '400 invalid-input'],
    ['files.csv.delimiter', { files: { csv: { delimiter: 'x' } } }, '422 files-invalid'],
    ['files.csv', { files: { format: 'json', csv: { delimiter: ',' } } }, '422 files-invalid'],
    ['files.maxRowsPerFile', { files: { maxRowsPerFile: 0 } }, '400 invalid-input'],
    ['target.folder', { target: { folder: '../up' } }, '400 invalid-input'],
    ['target.folder', { target: { folder: 'a/%SEGMENT_ID%/b' } }, '400 invalid-input'],
    ['target.bucket', { target: { bucket: 'b', folder: 'incoming' } }, '400 invalid-input'],
    ['accountId', { accountId: 'acme' }, '400 invalid-input'],
  ])('names %s when that is wrong: %j', async (path, changes, refusal) => {
    const answer = await create('Wrong', changes);
    expect(outcomeOf(answer)).toBe(refusal);
    expect(answer.problem.fields?.map((field) => field.path)).toEqual([path]);
  });
});

describe('the list of destinations', () => {
  it('is filtered by type, account, status, marketing action and a part of name or description', async () => {
    const one = await made('Filter one', { description: 'alpha', marketingActions: ['dataScience'] });
    const two = await made('Filter two', { description: 'beta' });
    const disabled = await api.post(`/v1/destinations/${two.id}/disable`);
    const list = async (query: string) => {
      const seen = { 'x-min-position': disabled.headers.get('x-position') ?? '' };
      const { body } = await api.get<Page<DestinationView>>(`/v1/destinations?search=filter&${query}`, seen);
      return body.items.map(({ name }) => name);
    };
    expect(await list('')).toEqual([two.name, one.name]);
    expect(await list(`type=sftp&accountId=${accountId}`)).toEqual([two.name, one.name]);
    expect(await list('type=amazon-s3')).toEqual([]);
    expect(await list(`accountId=${crypto.randomUUID()}`)).toEqual([]);
    expect(await list('status=disabled')).toEqual([two.name]);
    expect(await list('marketingAction=dataScience')).toEqual([one.name]);
    const { body } = await api.get<Page<DestinationView>>('/v1/destinations?search=ALPHA');
    expect(body.items.map(({ id }) => id)).toEqual([one.id]);
    expect(outcomeOf(await api.get('/v1/destinations?status=broken'))).toBe('400 invalid-input');
  });
});

describe('a destination', () => {
  it('is proven again when asked to, and takes no test record', async () => {
    const { id } = await made('Proven');
    const again = await api.post<ValidationView>(`/v1/destinations/${id}/validations`);
    expect(outcomeOf(again)).toBe('201');
    expect(again.body).toMatchObject({ subject: { kind: 'target', destinationId: id }, outcome: 'passed' });
    expect((await api.get(`/v1/destinations/${id}`)).body).toMatchObject({ revision: 0 });
    const refused = await api.post(`/v1/destinations/${id}/validations`, { testRecord: true });
    expect(outcomeOf(refused)).toBe('422 test-record-not-applicable');
  });

  it('is edited, moved, disabled, enabled and deleted, each under the revision that was seen', async () => {
    const { id } = await made('Changing');
    const at = (revision: number) => ({ 'if-match': `"${revision}"` });
    const path = `/v1/destinations/${id}`;

    expect(await api.patch(path, { description: 'New' }, at(0))).toMatchObject({
      status: 200,
      body: { name: 'Changing', description: 'New', revision: 1 },
    });
    expect(outcomeOf(await api.patch(path, { name: 'Late' }, at(0)))).toBe('412 version-mismatch');
    expect(outcomeOf(await api.put(`${path}/target`, { target: { folder: 'missing' } }))).toBe('422 target-rejected');
    expect(outcomeOf(await api.put(`${path}/target`, { target: { folder: 'other' } }, at(0)))).toBe(
      '412 version-mismatch',
    );
    expect(await api.put(`${path}/target`, { target: { folder: 'other' } }, at(1))).toMatchObject({
      status: 200,
      body: { target: { folder: 'other' }, revision: 2 },
    });
    const actions = { marketingActions: ['analytics'] };
    expect(await api.put(`${path}/marketing-actions`, actions, at(2))).toMatchObject({
      body: { ...actions, revision: 3 },
    });
    expect(await api.post(`${path}/disable`, undefined, at(3))).toMatchObject({
      body: { status: 'disabled', revision: 4 },
    });
    expect(await api.post(`${path}/disable`)).toMatchObject({ status: 200, body: { revision: 4 } });
    expect(await api.patch(path, { name: 'Changed' })).toMatchObject({ body: { status: 'disabled', name: 'Changed' } });
    expect(await api.post(`${path}/enable`)).toMatchObject({ body: { status: 'enabled', revision: 6 } });
    expect(outcomeOf(await api.delete(path, at(5)))).toBe('412 version-mismatch');

    const deleted = await api.delete(path, at(6));
    expect(deleted.status).toBe(204);
    expect(deleted.headers.get('etag')).toBe('"7"');
    expect(outcomeOf(await api.get(path))).toBe('404 destination-not-found');
    expect(outcomeOf(await api.patch(path, { name: 'Ghost' }))).toBe('404 destination-not-found');
    const seen = { 'x-min-position': deleted.headers.get('x-position') ?? '' };
    expect((await api.get<Page<object>>('/v1/destinations?search=Changed', seen)).body.items).toEqual([]);
    expect((await historyOf(id)).at(-1)).toMatchObject({ type: 'DestinationDeleted', revision: 7 });
  });

  it('tells its history from its creation, with who did what', async () => {
    const { id } = await made('Told', { marketingActions: ['analytics'] });
    await waybill.api({ 'x-actor': 'noor' }).patch(`/v1/destinations/${id}`, { name: 'Retold' });
    await api.post(`/v1/destinations/${id}/disable`);

    const history = await historyOf(id);
    expect(history.map(({ type, revision, actor }) => [revision, type, actor])).toEqual([
      [0, 'DestinationCreated', 'mara'],
      [1, 'DestinationRevised', 'noor'],
      [2, 'DestinationDisabled', 'mara'],
    ]);
    expect(history[0]).toEqual({
      id: expect.stringMatching(UUID),
      type: 'DestinationCreated',
      revision: 0,
      position: expect.stringMatching(/./),
      recordedAt: expect.stringMatching(TIME),
      actor: 'mara',
      correlationId: expect.stringMatching(/./),
      causationId: expect.stringMatching(/./),
      data: expect.objectContaining({ name: 'Told', marketingActions: ['analytics'], target: { folder: 'incoming' } }),
    });
    const only = async (query: string) => (await historyOf(id, query)).map(({ revision }) => revision);
    expect(await only('?after=0')).toEqual([1, 2]);
    expect(await only(`?from=${history[1]?.recordedAt}`)).toEqual([1, 2]);
    expect(await only(`?to=${history[0]?.recordedAt}`)).toEqual([0]);
    const { body: first } = await api.get<Page<HistoryEvent>>(`/v1/destinations/${id}/history?limit=2`);
    expect(first.items.map(({ revision }) => revision)).toEqual([0, 1]);
    expect(await only(`?limit=2&cursor=${first.nextCursor}`)).toEqual([2]);
    expect(outcomeOf(await waybill.api({ 'x-tenant': 'other' }).get(`/v1/destinations/${id}/history`))).toBe(
      '404 destination-not-found',
    );
  });

  it('carries the correlation id of the caller from the request to the outcome', async () => {
    const correlationId = 'order-66';
    const { body } = await api.post<DestinationView>(
      '/v1/destinations',
      { accountId, name: 'Correlated', target: { folder: 'incoming' } },
      { 'x-correlation-id': correlationId },
    );
    expect((await historyOf(body.id))[0]).toMatchObject({ correlationId });
  });

  it('is shown as it was at a revision or a time', async () => {
    const { id } = await made('First name');
    await sleep(5);
    const between = new Date().toISOString();
    await sleep(5);
    await api.patch(`/v1/destinations/${id}`, { name: 'Second name' });
    await api.delete(`/v1/destinations/${id}`);

    expect(await shown(id, '?revision=0')).toMatchObject({ name: 'First name', revision: 0 });
    expect(await shown(id, '?revision=1')).toMatchObject({ name: 'Second name', revision: 1 });
    expect(await shown(id, '?revision=2')).toMatchObject({ status: 'deleted' });
    expect(await shown(id, `?asOf=${between}`)).toMatchObject({ name: 'First name', revision: 0 });
    const path = `/v1/destinations/${id}`;
    expect(outcomeOf(await api.get(`${path}?revision=3`))).toBe('404 revision-unknown');
    expect(outcomeOf(await api.get(`${path}?asOf=2020-01-01T00:00:00Z`))).toBe('404 destination-not-found');
    expect(outcomeOf(await api.get(`${path}?asOf=yesterday`))).toBe('400 invalid-input');
    expect(outcomeOf(await api.get(`${path}?asOf=${between}&revision=0`))).toBe('400 invalid-input');
    expect(outcomeOf(await waybill.api({ 'x-sandbox': 'dev' }).get(`${path}?revision=0`))).toBe(
      '404 destination-not-found',
    );
  });
});
