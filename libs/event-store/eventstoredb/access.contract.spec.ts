import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newCertificate } from '@waybill/testkit/certificate';
import { type EventStoreDbServer, newCluster, startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { openEventStoreDb } from './index.js';

const password = 'p:a@ss/w%rd';
const folder = mkdtempSync(join(tmpdir(), 'waybill-eventstoredb-'));
const authority = join(folder, 'ca.crt');
let server: EventStoreDbServer;
let host: string;

beforeAll(async () => {
  const { key, certificate } = await newCertificate();
  writeFileSync(authority, certificate);
  const cluster = newCluster();
  server = await startEventStoreDb({ tls: { key, certificate }, users: { waybill: password }, cluster });
  host = `${server.endpoint.host}:${server.endpoint.port}`;
});
afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

const open = (userInfo: string, options = `tlsCAFile=${authority}`, scheme = 'esdb') =>
  openEventStoreDb({ url: `${scheme}://${userInfo}${host}?${options}`, deadlineMs: 3_000 });

const right = `waybill:${encodeURIComponent(password)}@`;

it.each([['esdb'], ['esdb+discover']])('lets in who brings the right password over TLS (%s)', async (scheme) => {
  const store = await open(right, undefined, scheme);
  await store.checkHealth();
  let hints = 0;
  store.onAppended(() => (hints += 1));
  expect(await store.readAll(store.start)).toMatchObject({ events: [], atEnd: true });
  while (hints === 0) await sleep(5);
  await store.close();
});

it.each([
  ['a wrong password', 'waybill:wrong-hush-hush@'],
  ['a wrong user', `other:${encodeURIComponent(password)}@`],
  ['nothing', ''],
])('tells who brings %s where to look, and not what was brought', async (_, userInfo) => {
  const refused = open(userInfo);
  await expect(refused).rejects.toMatchObject({
    slug: 'event-store-unavailable',
    message: expect.stringMatching(/check the user and password of its address/),
  });
  await refused.catch((error: Error) => {
    expect(`${error.message} ${error.stack} ${String(error.cause)}`).not.toMatch(/wrong-hush-hush|p:a@ss/);
  });
});

it('trusts no certificate of an authority that was not named', async () => {
  await expect(open(right, 'tls=true')).rejects.toMatchObject({
    slug: 'event-store-unavailable',
    cause: { message: expect.stringMatching(/certificate/) },
  });
});
