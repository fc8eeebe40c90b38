import { setTimeout as sleep } from 'node:timers/promises';
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
afterEach(() => {
  delete partner.faults.signInAfter;
  delete partner.faults.hangAfter;
});

let keys = 0;
const newKey = () => ({ 'idempotency-key': `journey-${++keys}` });
const accountsNamed = async (name: string) =>
  (await api.get<Page<AccountView>>(`/v1/accounts?search=${encodeURIComponent(name)}`)).body.items;

describe('a command with an Idempotency-Key', () => {
  it('is carried out once, and its outcome given again', async () => {
    const key = newKey();
    const first = await api.post<AccountView>('/v1/accounts', partner.account('Once'), key);
    const again = await api.post<AccountView>('/v1/accounts', partner.account('Once'), key);
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(again.headers.get('location')).toBe(first.headers.get('location'));
    await eventually(
      () => accountsNamed('Once'),
      ({ length }) => length === 1,
    );
  });

  it('is the same command however the members of its body are ordered', async () => {
    const key = newKey();
    const { type, name, authentication } = partner.account('Ordered');
    const first = await api.post<AccountView>('/v1/accounts', { type, name, authentication }, key);
    const again = await api.post<AccountView>('/v1/accounts', { authentication, name, type }, key);
    expect(again.body.id).toBe(first.body.id);
  });

  it('gives a refusal again, too, although the cause is mended', async () => {
    const key = newKey();
    const create = (accountId: string) =>
      api.post('/v1/destinations', { accountId, name: 'Refused', target: { folder: 'missing' } }, key);
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('For refusals'));
    const first = await create(account.id);
    expect(outcomeOf(first)).toBe('422 target-rejected');
    const again = await create(account.id);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get('content-type')).toBe(first.headers.get('content-type'));
  });

  it('is refused when the key was used for another request', async () => {
    const key = newKey();
    const { body } = await api.post<AccountView>('/v1/accounts', partner.account('Reused'), key);
    expect(outcomeOf(await api.post('/v1/accounts', partner.account('Reused for another'), key))).toBe(
      '422 idempotency-key-reused',
    );
    expect(outcomeOf(await api.patch(`/v1/accounts/${body.id}`, { name: 'Renamed' }, key))).toBe(
      '422 idempotency-key-reused',
    );
    expect(await accountsNamed('Reused for another')).toEqual([]);
  });

  it('knows nothing of the keys of other tenants and sandboxes', async () => {
    const key = newKey();
    const { body: mine } = await api.post<AccountView>('/v1/accounts', partner.account('Mine'), key);
    for (const headers of [{ 'x-tenant': 'other' }, { 'x-sandbox': 'dev' }]) {
      const theirs = await waybill.api(headers).post<AccountView>('/v1/accounts', partner.account('Theirs'), key);
      expect(theirs.status).toBe(201);
      expect(theirs.body.id).not.toBe(mine.id);
    }
  });

  it('refuses a key that is too long', async () => {
    const key = { 'idempotency-key': 'k'.repeat(257) };
    expect(outcomeOf(await api.post('/v1/external-ids', undefined, key))).toBe('400 idempotency-key-malformed');
  });

  it('issues one external id however often it is repeated, at the same time too', async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => api.post<{ externalId: string }>('/v1/external-ids', undefined, key)),
    );
    expect(new Set(answers.map(({ body }) => body.externalId)).size).toBe(1);
  });

  it('sent many times at once makes one account', async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => api.post<AccountView>('/v1/accounts', partner.account('At once'), key)),
    );
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  });
});

describe('a caller who does not wait', () => {
  /** Until it is called nobody is let in by the partner, and nothing is proven. */
  const holdSignIns = (): (() => void) => {
    let letIn!: () => void;
    partner.faults.signInAfter = new Promise<void>((resolve) => (letIn = resolve));
    return letIn;
  };

  it('gets 202 and a location, under which the account is found later', async () => {
    partner.faults.hangAfter = 'accept';
    const answer = await api.post('/v1/accounts', partner.account('Later'), { prefer: 'wait=0' });
    expect(answer).toMatchObject({ status: 202, body: { status: 'connecting' } });
    const location = answer.headers.get('location') ?? '';
    expect(await api.get(location)).toMatchObject({ status: 200, body: { status: 'connecting' } });
    expect(await accountsNamed('Later')).toEqual([]);
  });

  it('joins the same command by the same key, and gets the same account', async () => {
    const letIn = holdSignIns();
    const key = newKey();
    const accepted = await api.post<AccountView>('/v1/accounts', partner.account('Joined'), {
      ...key,
      prefer: 'wait=0',
    });
    expect(accepted.status).toBe(202);
    letIn();
    const joined = await api.post<AccountView>('/v1/accounts', partner.account('Joined'), key);
    expect(joined).toMatchObject({ status: 201, body: { id: accepted.body.id, status: 'connected' } });
    const again = await api.post<AccountView>('/v1/accounts', partner.account('Joined'), { ...key, prefer: 'wait=0' });
    expect(again).toMatchObject({ status: 201, body: joined.body });
  });

  it('may do so for destinations, rotations and tests as well', async () => {
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('Patient'));
    const now = { prefer: 'wait=0' };

    let letIn = holdSignIns();
    const created = await api.post<DestinationView>(
      '/v1/destinations',
      { accountId: account.id, name: 'Later too', target: { folder: 'incoming' } },
      now,
    );
    expect(created.status).toBe(202);
    letIn();
    const location = created.headers.get('location') ?? '';
    await eventually(
      () => api.get(location),
      ({ status }) => status === 200,
    );

    letIn = holdSignIns();
    const authentication = partner.authentication();
    const rotated = await api.put<AccountView>(`/v1/accounts/${account.id}/credentials`, { authentication }, now);
    expect(rotated.status).toBe(202);
    letIn();
    await eventually(
      () => api.get<AccountView>(rotated.headers.get('location') ?? ''),
      ({ body }) => body.validation.id !== account.validation.id,
    );

    letIn = holdSignIns();
    const tested = await api.post(`/v1/accounts/${account.id}/validations`, undefined, now);
    expect(tested.status).toBe(202);
    letIn();
    await eventually(
      () => api.get<{ outcome: string }>(tested.headers.get('location') ?? ''),
      ({ body }) => body.outcome === 'passed',
    );
  });

  it('is given nothing in between after the process is killed while it connects', async () => {
    partner.faults.hangAfter = 'key-exchange';
    const key = newKey();
    const post = (name: string, headers: Record<string, string>, changes = {}) =>
      api.post<AccountView>('/v1/accounts', partner.account(name, changes), headers);
    const wrongKey = newKey();
    const right = await post('Killed', { ...key, prefer: 'wait=0' });
    const wrong = await post('Killed with a wrong password', { ...wrongKey, prefer: 'wait=0' }, { password: 'guess' });
    expect([right.status, wrong.status]).toEqual([202, 202]);
    await sleep(500); // the proofs are under way
    await waybill.kill();
    delete partner.faults.hangAfter;

    await waybill.start();
    await eventually(
      () => api.get(right.headers.get('location') ?? ''),
      ({ status }) => status === 200,
      60_000, // the proof was held by a lease of the process that is gone
    );
    expect(await post('Killed', key)).toMatchObject({ status: 201, body: { id: right.body.id, status: 'connected' } });
    const rejected = await post('Killed with a wrong password', wrongKey, { password: 'guess' });
    expect(outcomeOf(rejected)).toBe('422 credentials-rejected');
    expect(outcomeOf(await api.get(wrong.headers.get('location') ?? ''))).toBe('404 account-not-found');
    expect((await accountsNamed('Killed')).map(({ id }) => id)).toEqual([right.body.id]);
  }, 150_000);
});
