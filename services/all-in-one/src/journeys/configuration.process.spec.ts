import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '@waybill/testkit/postgres';
import { runToItsEnd, startWaybill } from './testing/waybill.js';

describe('a wrong configuration', () => {
  it('is told with every mistake at once, before anything is started', async () => {
    const { code, output } = await runToItsEnd({
      WAYBILL_PORT: '99999',
      WAYBILL_AUTH: 'magic',
      WAYBILL_LOG_LEVEL: 'loud',
      WAYBILL_ALLOW_PRIVATE_NETWORKS: 'maybe',
      DATABASE_URL: 'mysql://localhost/waybill',
      WAYBILL_MASTER_KEY: 'a',
      WAYBILL_MASTER_KEY_FILE: 'b',
      WAYBILL_PROT: '8080',
    });
    expect(code).toBe(1);
    for (const name of [
      'WAYBILL_PORT',
      'WAYBILL_AUTH',
      'WAYBILL_LOG_LEVEL',
      'WAYBILL_ALLOW_PRIVATE_NETWORKS',
      'DATABASE_URL',
      'WAYBILL_MASTER_KEY',
      'WAYBILL_PROT',
    ]) {
      expect(output).toMatch(new RegExp(`^ *${name} `, 'm'));
    }
    expect(output).not.toMatch(/^\s+at /m); // no stack: it is no defect
  });

  it('of tokens is told as well', async () => {
    const { code, output } = await runToItsEnd({ WAYBILL_AUTH: 'jwt' });
    expect(code).toBe(1);
    for (const name of ['WAYBILL_JWKS_URL', 'WAYBILL_JWT_ISSUER', 'WAYBILL_JWT_AUDIENCE'])
      expect(output).toContain(name);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['a key that is no Base64', { WAYBILL_MASTER_KEY: '***' }, /WAYBILL_MASTER_KEY is not Base64/],
    ['a key that is too short', { WAYBILL_MASTER_KEY: 'c2hvcnQ=' }, /holds 5 bytes/],
    ['a key file that is not there', { WAYBILL_MASTER_KEY_FILE: '/no/such/file' }, /ENOENT/],
    ['a database that is not there', { DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, /database|ECONNREFUSED/i],
  ])('with %s is told in one line', async (_, environment, message) => {
    const database = await testDatabase();
    const { code, output } = await runToItsEnd({ DATABASE_URL: database.url, ...environment });
    await database.drop();
    expect(code).toBe(1);
    expect(output).toMatch(message);
    expect(output).not.toContain('***');
  });

  it('names the JWKS file that cannot be read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'waybill-configuration-'));
    const file = join(folder, 'jwks.json');
    await writeFile(file, 'no json');
    const settings = { WAYBILL_AUTH: 'jwt', WAYBILL_JWT_ISSUER: 'i', WAYBILL_JWT_AUDIENCE: 'a', WAYBILL_DATA: folder };
    for (const path of [file, join(folder, 'missing.json')]) {
      const { code, output } = await runToItsEnd({ ...settings, WAYBILL_JWKS_FILE: path });
      expect(code).toBe(1);
      expect(output).toContain('WAYBILL_JWKS_FILE');
    }
    await rm(folder, { recursive: true, force: true });
  });
});

it('a port that is taken ends the start with its reason', async () => {
  const first = await startWaybill();
  const { port } = new URL(first.address);
  const { code, output } = await runToItsEnd({ DATABASE_URL: first.databaseUrl, WAYBILL_PORT: port });
  await first.close();
  expect(code).toBe(1);
  expect(output).toMatch(new RegExp(`${port}.*in use|EADDRINUSE`));
}, 90_000);

describe('an orderly stop', () => {
  it('ends with code 0, and the next process finds everything as it was', async () => {
    const waybill = await startWaybill();
    const { body } = await waybill.api().post<{ id: string }>('/v1/segments', { name: 'Kept' });
    expect(await waybill.stop()).toBe(0);
    await waybill.start();
    expect(await waybill.api().get(`/v1/segments/${body.id}`)).toMatchObject({ status: 200, body: { name: 'Kept' } });
    await waybill.close();
  }, 90_000);

  it('waits for no connection on which nothing was asked, as browsers open them ahead', async () => {
    const waybill = await startWaybill();
    const { port } = new URL(waybill.address);
    const ahead = connect(Number(port), '127.0.0.1');
    await once(ahead, 'connect');
    const begun = performance.now();
    expect(await waybill.stop()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(20_000);
    await waybill.close();
  }, 90_000);
});
