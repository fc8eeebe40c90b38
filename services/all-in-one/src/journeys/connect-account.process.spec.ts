import { generateKey } from 'openpgp';
import type { Api } from './testing/api.js';
import { outcomeOf, TIME, UUID } from './testing/expectations.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let partner: SftpPartner;
let api: Api;

beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api({ 'x-actor': 'mara' });
});
afterAll(() => Promise.all([waybill.close(), partner.stop()]));

const MASKED = expect.stringMatching(/^•+$/);

const namesOf = async (search: string) => {
  const { body } = await api.get<Page<AccountView>>(`/v1/accounts?search=${encodeURIComponent(search)}`);
  return body.items.map(({ name }) => name);
};

describe('connecting an account', () => {
  it('answers with the account, its secrets masked, once its credentials were proven', async () => {
    const answer = await api.post<AccountView>('/v1/accounts', partner.account('Acme'));
    expect(answer).toMatchObject({
      status: 201,
      body: {
        id: expect.stringMatching(UUID),
        type: 'sftp',
        name: 'Acme',
        status: 'connected',
        authentication: partner.authentication({ password: MASKED }),
        credentialsFingerprint: expect.stringMatching(/^[0-9a-f]{32,}$/),
        encryptionKey: null,
        destinations: 0,
        revision: expect.any(Number),
        connectedAt: expect.stringMatching(TIME),
        connectedBy: 'mara',
      },
    });
    const { id, revision, validation } = answer.body;
    expect(validation).toMatchObject({ id: expect.stringMatching(UUID), outcome: 'passed' });
    expect(validation.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual(
      ['reach', 'transport', 'host-key', 'authenticate', 'open-sftp'].map((name) => `${name} passed`),
    );
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      etag: `"${revision}"`,
      'x-position': expect.stringMatching(/./),
      location: `/v1/accounts/${id}`,
    });
    expect((await api.get(`/v1/accounts/${id}`)).body).toEqual(answer.body);
    expect((await api.get(`/v1/validations/${validation.id}`)).body).toEqual({
      id: validation.id,
      subject: { kind: 'account', accountId: id },
      outcome: 'passed',
      startedAt: expect.stringMatching(TIME),
      finishedAt: expect.stringMatching(TIME),
      checks: validation.checks,
    });
  });

  it('shows the host key of an unknown server before any secret is sent, and takes it once confirmed', async () => {
    const before = partner.server.signInAttempts;
    const asked = await api.post('/v1/accounts', partner.account('Unconfirmed', { hostKey: undefined }));
    expect(outcomeOf(asked)).toBe('422 host-key-unconfirmed');
    expect(asked.problem['hostKey']).toMatchObject({ fingerprint: partner.server.fingerprint });
    expect(asked.problem.detail).toContain(partner.server.fingerprint);
    expect(partner.server.signInAttempts).toBe(before);
    expect(await namesOf('Unconfirmed')).toEqual([]);

    const { fingerprint } = asked.problem['hostKey'] as { fingerprint: string };
    expect(await api.post('/v1/accounts', partner.account('Confirmed', { hostKey: fingerprint }))).toMatchObject({
      status: 201,
    });
  });

  it('refuses a server that shows another host key than the one confirmed', async () => {
    const hostKey = `SHA256:${Buffer.alloc(32, 7).toString('base64').replace('=', '')}`;
    const answer = await api.post('/v1/accounts', partner.account('Impostor', { hostKey }));
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.problem.checks).toContainEqual(expect.objectContaining({ name: 'host-key', outcome: 'failed' }));
  });

  it('refuses a wrong password in the same request, with the check that says so, and leaves nothing usable', async () => {
    const answer = await api.post('/v1/accounts', partner.account('Wrong password', { password: 'open sesame' }));
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.problem).toMatchObject({ title: 'Credentials rejected', status: 422, instance: '/v1/accounts' });
    expect(answer.problem.checks?.find(({ outcome }) => outcome === 'failed')).toMatchObject({
      name: 'authenticate',
      call: expect.stringMatching(/./),
      resource: expect.stringContaining(String(partner.server.port)),
      code: expect.stringMatching(/./),
      message: expect.stringMatching(/./),
      remedy: expect.stringMatching(/./),
      durationMs: expect.any(Number),
    });
    expect(answer.text).not.toContain('open sesame');
    expect(await namesOf('Wrong password')).toEqual([]);
  });

  it.each([
    ['a port that nobody listens on', { port: 1 }, 'reach'],
    ['a host that no name server knows', { host: 'no-such-host.invalid' }, 'reach'],
  ])('names the cause when it meets %s', async (_, changes, check) => {
    const answer = await api.post('/v1/accounts', partner.account('Unreachable', changes));
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.problem.checks?.find(({ outcome }) => outcome === 'failed')).toMatchObject({ name: check });
  });

  it('refuses a server that falls silent after the handshake, within its own deadline', async () => {
    partner.faults.hangAfter = 'key-exchange';
    try {
      const answer = await api.post('/v1/accounts', partner.account('Silent'), { prefer: 'wait=60' });
      expect(outcomeOf(answer)).toBe('422 credentials-rejected');
      expect(answer.problem.checks?.find(({ outcome }) => outcome === 'failed')?.message).toMatch(/answer|time/i);
    } finally {
      delete partner.faults.hangAfter;
    }
  }, 90_000);

  it('names the types that there are for one that there is none of', async () => {
    const answer = await api.post('/v1/accounts', { ...partner.account('Typo'), type: 'sfpt' });
    expect(outcomeOf(answer)).toBe('400 invalid-input');
    const known = 'there are amazon-s3, sftp, amazon-kinesis, azure-event-hubs';
    expect(answer.problem.fields).toEqual([{ path: 'type', message: expect.stringContaining(known) }]);
  });
});

describe('an encryption key', () => {
  const keyOf = async (rsaBits: number) =>
    generateKey({
      type: 'rsa',
      rsaBits,
      userIDs: [{ name: 'Partner', email: 'files@partner.example' }],
      config: { minRSABits: 0 },
    });

  it('is checked and shown by its fingerprint when an account comes with one', async () => {
    const { publicKey } = await keyOf(2048);
    const account = { ...partner.account('Encrypted'), encryptionKey: Buffer.from(publicKey).toString('base64') };
    expect(await api.post('/v1/accounts', account)).toMatchObject({
      status: 201,
      body: {
        encryptionKey: {
          fingerprint: expect.stringMatching(/^[0-9a-f]{40}$/i),
          algorithm: 'RSA',
          bits: 2048,
          userIds: ['Partner <files@partner.example>'],
          expiresAt: null,
        },
      },
    });
  });

  it('that cannot be used is refused with its reason, and the account with it', async () => {
    const { privateKey } = await keyOf(2048);
    const { publicKey: short } = await keyOf(1024);
    for (const [encryptionKey, reason] of [
      ['no key at all', /key/],
      [privateKey, /private/],
      [short, /2048/],
    ] as const) {
      const answer = await api.post('/v1/accounts', { ...partner.account('Unusable key'), encryptionKey });
      expect(outcomeOf(answer)).toBe('422 encryption-key-unusable');
      expect(answer.problem.detail).toMatch(reason);
      expect(answer.text).not.toContain(privateKey.slice(200, 240));
    }
    expect(await namesOf('Unusable key')).toEqual([]);
  });

  it('is attached, replaced and removed later', async () => {
    const { body: account } = await api.post<AccountView>('/v1/accounts', partner.account('Keyed later'));
    const path = `/v1/accounts/${account.id}/encryption-key`;
    const first = await api.put<AccountView>(path, { encryptionKey: (await keyOf(2048)).publicKey });
    expect(first.status).toBe(200);
    const second = await api.put<AccountView>(path, { encryptionKey: (await keyOf(2048)).publicKey });
    expect(second.body.encryptionKey?.fingerprint).not.toBe(first.body.encryptionKey?.fingerprint);
    expect(outcomeOf(await api.put(path, { encryptionKey: 'nonsense' }))).toBe('422 encryption-key-unusable');
    expect((await api.get<AccountView>(`/v1/accounts/${account.id}`)).body.encryptionKey).toEqual(
      second.body.encryptionKey,
    );
    expect((await api.delete<AccountView>(path)).body.encryptionKey).toBeNull();
  });
});
