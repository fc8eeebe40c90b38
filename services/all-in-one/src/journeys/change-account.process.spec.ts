import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf, UUID } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
/** A second server of theirs, with another password. */
let moved: SftpPartner;
let api: Api;

beforeAll(async () => {
  [waybill, partner, moved] = await Promise.all([
    startWaybill(),
    startSftpPartner(),
    startSftpPartner('battery staple'),
  ]);
  api = waybill.api();
});
afterAll(() => Promise.all([waybill.close(), partner.stop(), moved.stop()]));

const connect = async (name: string): Promise<AccountView> => {
  const { status, body } = await api.post<AccountView>('/v1/accounts', partner.account(name));
  expect(status).toBe(201);
  return body;
};
const shown = async (id: string) => (await api.get<AccountView>(`/v1/accounts/${id}`)).body;

describe('the list of accounts', () => {
  it('shows those of the caller by type and by part of a name or address, newest first', async () => {
    const [first, second] = [await connect('Listed one'), await connect('LISTED two')];
    const list = async (query: string) => {
      const { body } = await api.get<Page<AccountView>>(`/v1/accounts?${query}`, {
        'x-min-position': await positionOf(second.id),
      });
      return body.items.map(({ id }) => id);
    };
    expect(await list('search=listed')).toEqual([second.id, first.id]);
    expect(await list('search=listed&type=sftp')).toEqual([second.id, first.id]);
    expect(await list('search=listed&type=amazon-s3')).toEqual([]);
    expect(await list(`search=127.0.0.1:${partner.server.port}`)).toEqual(expect.arrayContaining([first.id]));
    expect((await waybill.api({ 'x-tenant': 'other' }).get<Page<object>>('/v1/accounts')).body.items).toEqual([]);
    expect((await waybill.api({ 'x-sandbox': 'dev' }).get<Page<object>>('/v1/accounts')).body.items).toEqual([]);
  });

  const positionOf = async (id: string): Promise<string> => {
    const { headers } = await api.patch(`/v1/accounts/${id}`, { name: 'LISTED two' });
    return headers.get('x-position') ?? '';
  };
});

describe('a new name', () => {
  it('is given only by one who saw the last revision, when a revision is named', async () => {
    const { id, revision } = await connect('Old name');
    const rename = (name: string, seen?: number) =>
      api.patch<AccountView>(`/v1/accounts/${id}`, { name }, seen === undefined ? {} : { 'if-match': `"${seen}"` });

    const renamed = await rename('New name', revision);
    expect(renamed).toMatchObject({ status: 200, body: { name: 'New name', revision: revision + 1 } });
    expect(renamed.headers.get('etag')).toBe(`"${revision + 1}"`);
    expect(outcomeOf(await rename('Newer name', revision))).toBe('412 version-mismatch');
    expect(outcomeOf(await rename('', revision + 1))).toBe('400 invalid-input');
    expect(outcomeOf(await api.patch(`/v1/accounts/${id}`, { name: 'x' }, { 'if-match': 'seven' }))).toBe(
      '400 if-match-malformed',
    );
    expect(await shown(id)).toMatchObject({ name: 'New name', revision: revision + 1 });

    const read = await api.get(`/v1/accounts/${id}`);
    expect(read.headers.get('etag')).toBe(`"${revision + 1}"`);
  });
});

describe('new credentials', () => {
  it('take the place of the old ones once they are proven', async () => {
    const before = await connect('Rotated');
    const answer = await api.put<AccountView>(`/v1/accounts/${before.id}/credentials`, {
      authentication: moved.authentication(),
    });
    expect(answer).toMatchObject({
      status: 200,
      body: { id: before.id, status: 'connected', authentication: { port: moved.server.port } },
    });
    expect(answer.body.credentialsFingerprint).not.toBe(before.credentialsFingerprint);
    expect(answer.body.validation.id).not.toBe(before.validation.id);
  });

  it('that are wrong are refused with their checks, and the old ones go on', async () => {
    const before = await connect('Kept');
    const answer = await api.put(`/v1/accounts/${before.id}/credentials`, {
      authentication: partner.authentication({ password: 'a guess' }),
    });
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.problem.checks).toContainEqual(expect.objectContaining({ name: 'authenticate', outcome: 'failed' }));
    const { revision: _, ...kept } = before;
    expect(await shown(before.id)).toMatchObject(kept);
    expect(await api.post(`/v1/accounts/${before.id}/validations`)).toMatchObject({ body: { outcome: 'passed' } });
  });

  it('keep the confirmed host key where the address stays, and need a confirmation where it does not', async () => {
    const { id } = await connect('Pinned');
    const rotate = (authentication: object) => api.put(`/v1/accounts/${id}/credentials`, { authentication });
    expect(await rotate(partner.authentication({ hostKey: undefined }))).toMatchObject({ status: 200 });
    expect(outcomeOf(await rotate(moved.authentication({ hostKey: undefined })))).toBe('422 host-key-unconfirmed');
  });
});

describe('testing an account again', () => {
  it('answers 201 with the validation, whatever its outcome, and changes nothing', async () => {
    const gone = await startSftpPartner();
    const { body: account } = await api.post<AccountView>('/v1/accounts', gone.account('Tested'));
    const test = () => api.post<{ id: string }>(`/v1/accounts/${account.id}/validations`);
    const passed = await test();
    expect(passed).toMatchObject({ status: 201, body: { outcome: 'passed', id: expect.stringMatching(UUID) } });
    expect((await api.get(passed.headers.get('location') ?? '')).body).toEqual(passed.body);

    await gone.stop();
    const failed = await test();
    expect(failed).toMatchObject({ status: 201, body: { outcome: 'failed' } });
    expect((await api.get(`/v1/validations/${failed.body.id}`)).body).toEqual(failed.body);
    expect(await shown(account.id)).toEqual(account);
  });
});

describe('disconnecting an account', () => {
  it('is refused with the names of the destinations that use it, and possible once they are gone', async () => {
    const { id } = await connect('In use');
    const { body: destination } = await api.post<DestinationView>('/v1/destinations', {
      accountId: id,
      name: 'Weekly file',
      target: { folder: 'incoming' },
    });
    const refused = await api.delete(`/v1/accounts/${id}`);
    expect(outcomeOf(refused)).toBe('409 account-in-use');
    expect(refused.problem.detail).toContain('"Weekly file"');
    expect(refused.problem['destinations']).toEqual([{ id: destination.id, name: 'Weekly file' }]);
    await eventually(
      () => shown(id),
      ({ destinations, status }) => destinations === 1 && status === 'connected',
    );

    expect((await api.delete(`/v1/destinations/${destination.id}`)).status).toBe(204);
    expect((await api.delete(`/v1/accounts/${id}`)).status).toBe(204);
    expect(outcomeOf(await api.get(`/v1/accounts/${id}`))).toBe('404 account-not-found');
    expect(outcomeOf(await api.patch(`/v1/accounts/${id}`, { name: 'Back' }))).toBe('404 account-not-found');
    expect(outcomeOf(await api.delete(`/v1/accounts/${id}`))).toBe('404 account-not-found');
  });

  it('heeds the revision that the caller saw', async () => {
    const { id, revision } = await connect('Seen before');
    await api.patch(`/v1/accounts/${id}`, { name: 'Seen after' });
    expect(outcomeOf(await api.delete(`/v1/accounts/${id}`, { 'if-match': `"${revision}"` }))).toBe(
      '412 version-mismatch',
    );
    expect(await shown(id)).toMatchObject({ status: 'connected' });
  });
});

describe('external ids', () => {
  it('are made for one tenant, and a role that names any other is refused', async () => {
    const { status, body } = await api.post<{ externalId: string }>('/v1/external-ids');
    expect(status).toBe(201);
    expect(body.externalId.length).toBeGreaterThan(20);

    const account = (externalId: string) => ({
      type: 'amazon-s3',
      name: 'Role',
      authentication: { method: 'assume-role', roleArn: 'arn:aws:iam::123456789012:role/partner', externalId },
    });
    expect(outcomeOf(await api.post('/v1/accounts', account('my-own-idea')))).toBe('422 external-id-foreign');
    expect(outcomeOf(await waybill.api({ 'x-tenant': 'other' }).post('/v1/accounts', account(body.externalId)))).toBe(
      '422 external-id-foreign',
    );
  });
});
