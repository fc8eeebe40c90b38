import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { denying, startSftpServer } from '@waybill/testkit/sftp-server';
import { generateKey } from 'openpgp';
import ssh2 from 'ssh2';
import type { JWTPayload } from 'jose';
import { type Answer, type Api, apiOf } from './testing/api.js';
import { sightingsOf, wholeDatabase } from './testing/canaries.js';
import { type EventStream, watchEvents } from './testing/event-stream.js';
import { eventually } from './testing/eventually.js';
import { type IdentityProvider, startIdentityProvider } from './testing/identity-provider.js';
import { type S3Partner, startS3Partner } from './testing/s3-partner.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { AccountView, DestinationView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const SECRETS = {
  'SFTP password': 'canarySftpPassword7f3a',
  'wrong SFTP password': 'canaryWrongPassword91bc',
  'rotated SFTP password': 'canaryRotatedPassword55de',
  'S3 secret key': 'canaryS3SecretKey/ab+4410',
  'wrong S3 secret key': 'canaryWrongS3Key/ef+7782',
  passphrase: 'canaryPassphrase3e19',
  'wrong passphrase': 'canaryWrongPhrase8d20',
  'password in a broken body': 'canaryBrokenBody60aa',
  'password under a wrong name': 'canaryMisspeltField12cd',
  'secret of a wrong type': 'canaryInsideAList77fe',
};
/** Tables, or what stands in their place: logs and topics of services that have been heard, and the vault. */
const RECORDS = /\.events$|^messaging\.messages|^EventStoreDB$|vault\.secrets/;
const MEMBERS = 'email,name\none@x.io,One\ntwo@x.io,Two\n';

let issuer: IdentityProvider;
let waybill: Waybill;
let sftp: SftpPartner;
let s3: S3Partner;
let stream: EventStream;
let api: Api;
/** All secrets: those above, and those that are made anew each time. */
const secrets: Record<string, string> = { ...SECRETS };
const heard: string[] = [];

/** Remembers every answer. */
const hear = async <T>(asked: Promise<Answer<T>>): Promise<Answer<T>> => {
  const answer = await asked;
  heard.push(answer.text, JSON.stringify([...answer.headers]));
  return answer;
};
const signIn = async (changes: JWTPayload = {}): Promise<Api> => {
  const token = await issuer.token('acme', ['admin'], changes);
  const [, , signature = ''] = token.split('.');
  secrets[`token ${Object.keys(secrets).length}`] = signature;
  return apiOf(() => waybill.address, { authorization: `Bearer ${token}` });
};
const filesIn = async (folder: string): Promise<Record<string, string>> => {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const read = async (file: string): Promise<[string, string]> => [file, await readFile(file, 'latin1')];
  return Object.fromEntries(await Promise.all(files.map(read)));
};

beforeAll(async () => {
  [issuer, sftp, s3] = await Promise.all([
    startIdentityProvider(),
    startSftpPartner(SECRETS['SFTP password']),
    startS3Partner(SECRETS['S3 secret key']),
  ]);
  waybill = await startWaybill({ ...issuer.environment, WAYBILL_LOG_LEVEL: 'trace' });
  api = await signIn();
  const token = await issuer.token('acme', ['viewer']);
  stream = await watchEvents(waybill.address, '', { authorization: `Bearer ${token}` });
});
afterAll(async () => {
  await stream.close();
  await Promise.all([waybill.close(), sftp.stop(), s3.stop(), issuer.close()]);
});

/** Accounts of every kind, and every way in which connecting one fails. */
const walkAccounts = async (): Promise<{ ofSftp: string; ofS3: string }> => {
  const connect = (account: object) => hear(api.post<AccountView>('/v1/accounts', account));
  const { body: ofSftp } = await connect(sftp.account('SFTP'));
  const { body: ofS3 } = await connect(s3.account('S3'));
  await connect(sftp.account('Wrong', { password: SECRETS['wrong SFTP password'] }));
  await connect(sftp.account('Unconfirmed', { hostKey: undefined }));
  await connect(sftp.account('Gone', { port: 1 }));
  await connect(s3.account('Wrong', { secretAccessKey: SECRETS['wrong S3 secret key'] }));
  await connect(s3.account('Gone', { endpoint: 'http://127.0.0.1:1' }));
  await connect(sftp.account('Misspelt', { pasword: SECRETS['password under a wrong name'] }));
  await connect(sftp.account('Typed', { password: [SECRETS['secret of a wrong type']] }));
  await connect({ ...sftp.account('S3 fields'), type: 'amazon-s3' });
  const broken = JSON.stringify(sftp.account('x', { password: SECRETS['password in a broken body'] })).slice(0, -1);
  await hear(api.send('POST', '/v1/accounts', `${broken},,}`, { 'content-type': 'application/json' }));
  await hear(api.send('POST', '/v1/accounts', broken, { 'content-type': 'application/x-www-form-urlencoded' }));

  const path = `/v1/accounts/${ofSftp.id}`;
  const rotate = (password: string) =>
    hear(api.put(`${path}/credentials`, { authentication: sftp.authentication({ password }) }));
  await rotate(SECRETS['rotated SFTP password']);
  await rotate(SECRETS['SFTP password']);
  await hear(api.post(`${path}/validations`));
  const key = { 'idempotency-key': 'canary' };
  await hear(api.post('/v1/accounts', sftp.account('Repeated'), key));
  await hear(api.post('/v1/accounts', sftp.account('Repeated'), key));
  await hear(api.post('/v1/accounts', sftp.account('Reused'), key));
  return { ofSftp: ofSftp.id, ofS3: ofS3.id };
};

/** Accounts that sign in with a key that a passphrase protects. */
const walkKeys = async (): Promise<void> => {
  const { private: privateKey, public: publicKey } = ssh2.utils.generateKeyPairSync('ed25519', {
    passphrase: SECRETS.passphrase,
    cipher: 'aes256-ctr',
    rounds: 1,
  });
  secrets['SSH private key'] = privateKey.split('\n')[2] ?? '';
  const users = [{ username: 'acme', publicKey }];
  const server = await startSftpServer({ root: sftp.root, users });
  const withPassphrase = (passphrase: string | undefined) => ({
    ...{ type: 'sftp', name: 'With a key' },
    authentication: {
      ...{ method: 'ssh-key', host: server.host, port: server.port, username: 'acme', hostKey: server.fingerprint },
      ...{ privateKey, passphrase },
    },
  });
  const connected = await hear(api.post<AccountView>('/v1/accounts', withPassphrase(SECRETS.passphrase)));
  expect(connected.status).toBe(201);
  await hear(api.post('/v1/accounts', withPassphrase(SECRETS['wrong passphrase'])));
  await hear(api.post('/v1/accounts', withPassphrase(undefined)));
  await hear(api.get(`/v1/accounts/${connected.body.id}`));
  await server.stop();
  await hear(api.post(`/v1/accounts/${connected.body.id}/validations`));
  await hear(api.delete(`/v1/accounts/${connected.body.id}`));

  // A private key where a public one belongs.
  const { privateKey: pgp } = await generateKey({ userIDs: [{ name: 'Partner' }] });
  secrets['OpenPGP private key'] = pgp.split('\n')[4] ?? '';
  await hear(api.post('/v1/accounts', { ...sftp.account('Private'), encryptionKey: pgp }));
};

/** Destinations and runs at both, and how they fail. */
const walkDeliveries = async (ofSftp: string, ofS3: string): Promise<void> => {
  await hear(api.put('/v1/segments/s', { name: 'S' }));
  await hear(api.send('POST', '/v1/segments/s/members?identity=email', MEMBERS, { 'content-type': 'text/csv' }));
  const ended = (id: string) =>
    eventually(
      () => hear(api.get<{ status: string }>(`/v1/runs/${id}`)),
      ({ body }) => ['completed', 'failed', 'cancelled'].includes(body.status),
      60_000,
    );
  const deliver = async (accountId: string, target: object, meanwhile: () => void) => {
    await hear(
      api.post('/v1/destinations', { accountId, name: 'Refused', target: { ...target, folder: 'none/such' } }),
    );
    const { body } = await hear(api.post<DestinationView>('/v1/destinations', { accountId, name: 'D', target }));
    await hear(api.put(`/v1/destinations/${body.id}/segments/s`, { schedule: null }));
    await hear(api.post(`/v1/destinations/${body.id}/previews`, {}));
    const run = async () => {
      const { items } = (await hear(api.post<Page<{ id: string }>>(`/v1/destinations/${body.id}/runs`, {}))).body;
      return (await ended(items[0]?.id ?? '')).body.status;
    };
    const good = await run();
    meanwhile();
    const bad = await run();
    await hear(api.get(`/v1/destinations/${body.id}/history`));
    return [good, bad];
  };
  expect(await deliver(ofSftp, { folder: 'incoming' }, () => (sftp.faults.onRequest = denying('OPEN')))).toEqual([
    'completed',
    'failed',
  ]);
  delete sftp.faults.onRequest;
  expect(await deliver(ofS3, { bucket: s3.bucket, folder: 'in' }, () => s3.server.denied.add('s3:PutObject'))).toEqual([
    'completed',
    'failed',
  ]);
  s3.server.reset();
};

it('no secret stands in an answer, an event, a message, a table, a log or a file, whatever happens', async () => {
  const { ofSftp, ofS3 } = await walkAccounts();
  await walkKeys();
  await walkDeliveries(ofSftp, ofS3);
  const expired = await signIn({ exp: 1_700_000_000 });
  await hear(expired.get('/v1/accounts'));
  await hear(apiOf(() => waybill.address, { authorization: `Bearer ${SECRETS['SFTP password']}` }).get('/v1/accounts'));

  // In the middle of connecting, the process is killed.
  sftp.faults.hangAfter = 'key-exchange';
  await hear(api.post('/v1/accounts', sftp.account('Killed'), { prefer: 'wait=0' }));
  await sleep(300);
  await waybill.kill();
  delete sftp.faults.hangAfter;
  await waybill.start();
  await eventually(
    async () => (await hear(api.get<Page<AccountView>>('/v1/accounts?search=Killed'))).body.items.length,
    (connected) => connected === 1,
    30_000,
  );
  for (const path of ['accounts', 'destinations', 'segments', 'runs', 'marketing-actions']) {
    await hear(api.get(`/v1/${path}?limit=1000`));
  }
  await hear(api.get('/metrics'));
  await hear(api.delete(`/v1/accounts/${ofS3}`));

  const database = await wholeDatabase(waybill.databaseUrl);
  const outside = await waybill.texts();
  const texts = {
    ...database,
    ...outside,
    log: waybill.output,
    answers: heard.join('\n'),
    'server-sent events': JSON.stringify(stream.events),
    ...(await filesIn(sftp.root)),
    ...Object.fromEntries(s3.keys().map((key) => [key, s3.read(key).toString('latin1')])),
  };
  expect(sightingsOf(secrets, texts)).toEqual([]);

  // The search finds what is there, and looked where it matters.
  expect(sightingsOf({ marker: 'one@x.io' }, texts)).toEqual(expect.arrayContaining(['audience.profiles: marker']));
  expect(Object.keys(database)).toEqual(
    expect.arrayContaining(['vault.secrets', 'account.command_outcomes', 'catalog.feed']),
  );
  const recorded = Object.entries({ ...database, ...outside }).filter(([name]) => RECORDS.test(name));
  expect(recorded.map(([, text]) => text)).not.toContain('');
  expect(recorded.length).toBeGreaterThan(5);
  expect(stream.events.length).toBeGreaterThan(5);
  expect(sightingsOf({ marker: 'canary plain' }, { text: Buffer.from('a canary plain b').toString('base64') })).toEqual(
    ['text: marker'],
  );
}, 240_000);

it('the secrets of attempts that failed are not kept, not even encrypted', async () => {
  const refs = async () =>
    (await wholeDatabase(waybill.databaseUrl))['vault.secrets']?.match(/account\/[0-9a-f-]{36}\//g) ?? [];
  const standing = async () =>
    (await api.get<Page<AccountView>>('/v1/accounts?limit=1000')).body.items.map(({ id }) => `account/${id}/`);
  await hear(api.post('/v1/accounts', sftp.account('Failed', { password: SECRETS['wrong SFTP password'] })));
  const expected = (await standing()).sort();
  await eventually(
    async () => (await refs()).sort(),
    (kept) => JSON.stringify(kept) === JSON.stringify(expected),
  );
}, 30_000);
