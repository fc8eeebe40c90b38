import { randomBytes } from 'node:crypto';
import { type Database, openDatabase } from '@waybill/postgres';
import { type TestDatabase, testDatabase } from '@waybill/testkit/postgres';
import { masterKeyFrom } from './master-key.js';
import type { Vault } from './port.js';
import { openVault, rewrapSecrets } from './vault.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
const secret = { password: 'canary-4711-päss', passphrase: '' };

describe('the vault', () => {
  let server: TestDatabase;
  let database: Database;
  let vault: Vault;
  const masterKey = masterKeyFrom(randomBytes(32));

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'vault' });
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });
  beforeEach(async () => {
    vault = await openVault({ database, masterKey });
  });
  afterEach(() => database.pool.query('truncate secrets'));

  it('gives back what was put in', async () => {
    await vault.put(scope, 'ref-1', secret);
    expect((await vault.get(scope, 'ref-1')).reveal()).toEqual(secret);
  });

  it('keeps nothing readable in its table', async () => {
    await vault.put(scope, 'ref-1', secret);
    const { rows } = await database.pool.query<{ row: string }>(
      `select encode(ciphertext, 'escape') || encode(wrapped_key, 'escape') || s::text as row from secrets s`,
    );
    expect(rows[0]?.row).not.toContain('canary');
  });

  it('takes the same secret again under its reference, and no other', async () => {
    await vault.put(scope, 'ref-1', secret);
    await vault.put(scope, 'ref-1', { passphrase: '', password: secret.password });
    await expect(vault.put(scope, 'ref-1', { password: 'another' })).rejects.toMatchObject({
      slug: 'secret-ref-taken',
    });
    expect((await vault.get(scope, 'ref-1')).reveal()).toEqual(secret);
  });

  it.each([
    ['another tenant', { tenant: 'globex', sandbox: 'prod' }],
    ['another sandbox', { tenant: 'acme', sandbox: 'dev' }],
  ])('shows a secret to nobody of %s', async (_, stranger) => {
    await vault.put(scope, 'ref-1', secret);
    await expect(vault.get(stranger, 'ref-1')).rejects.toMatchObject({ slug: 'secret-not-found', kind: 'not-found' });
    await vault.shred(stranger, 'ref-1');
    expect((await vault.get(scope, 'ref-1')).reveal()).toEqual(secret);
  });

  it('shreds for good, and shredding what is not there is no error', async () => {
    await vault.put(scope, 'ref-1', secret);
    await vault.shred(scope, 'ref-1');
    await vault.shred(scope, 'ref-1');
    await expect(vault.get(scope, 'ref-1')).rejects.toMatchObject({ slug: 'secret-not-found' });
  });

  it('encrypts each secret with a key of its own', async () => {
    await vault.put(scope, 'ref-1', secret);
    await vault.put(scope, 'ref-2', secret);
    const { rows } = await database.pool.query<{ keys: number; texts: number }>(
      'select count(distinct wrapped_key)::int as keys, count(distinct ciphertext)::int as texts from secrets',
    );
    expect(rows[0]).toEqual({ keys: 2, texts: 2 });
  });

  describe('finds out when a row', () => {
    const flip = (column: string) =>
      `update secrets set ${column} = set_byte(${column}, length(${column}) / 2, get_byte(${column}, length(${column}) / 2) # 1)`;

    beforeEach(async () => {
      await vault.put(scope, 'ref-1', secret);
      await vault.put(scope, 'ref-2', { password: 'of another account' });
    });

    it.each([
      ['has another ciphertext', flip('ciphertext'), 'secret-damaged'],
      ['has another wrapped key', flip('wrapped_key'), 'secret-damaged'],
      ['has a cut ciphertext', `update secrets set ciphertext = substr(ciphertext, 1, 20)`, 'secret-damaged'],
      ['has no ciphertext', `update secrets set ciphertext = ''`, 'secret-damaged'],
      ['names another key', `update secrets set key_id = 'feedfacefeedface'`, 'vault-key-wrong'],
      [
        'holds the ciphertext of another',
        `update secrets set ciphertext = (select ciphertext from secrets where ref = 'ref-2')`,
        'secret-damaged',
      ],
      [
        'holds ciphertext and key of another',
        `update secrets s set (ciphertext, wrapped_key) = (select ciphertext, wrapped_key from secrets where ref = 'ref-2')`,
        'secret-damaged',
      ],
    ])('%s', async (_, sql, slug) => {
      await database.pool.query(sql);
      await expect(vault.get(scope, 'ref-1')).rejects.toMatchObject({ slug, kind: 'internal' });
    });

    it.each([
      ['tenant', { tenant: 'globex', sandbox: 'prod' }, 'ref-1'],
      ['sandbox', { tenant: 'acme', sandbox: 'dev' }, 'ref-1'],
      ['reference', scope, 'ref-9'],
    ])('was moved to another %s', async (column, thief, ref) => {
      const moved = { ...thief, reference: ref }[column as 'tenant'];
      await database.pool.query(
        `update secrets set ${column === 'reference' ? 'ref' : column} = $1 where ref = 'ref-1'`,
        [moved],
      );
      await expect(vault.get(thief, ref)).rejects.toMatchObject({ slug: 'secret-damaged' });
    });
  });

  describe('with another master key', () => {
    const other = masterKeyFrom(randomBytes(32));

    it('does not open, and names both keys by their ids', async () => {
      await vault.put(scope, 'ref-1', secret);
      const opening = openVault({ database, masterKey: other });
      await expect(opening).rejects.toMatchObject({ slug: 'vault-key-wrong', kind: 'internal' });
      await expect(opening).rejects.toThrow(masterKey.keyId);
      await expect(opening).rejects.toThrow(other.keyId);
    });

    it('opens after its secrets were wrapped anew', async () => {
      await vault.put(scope, 'ref-1', secret);
      await vault.put(scope, 'ref-2', { password: 'second' });
      expect(await rewrapSecrets(database, masterKey, other)).toBe(2);
      const anew = await openVault({ database, masterKey: other });
      expect((await anew.get(scope, 'ref-1')).reveal()).toEqual(secret);
      await expect(openVault({ database, masterKey })).rejects.toMatchObject({ slug: 'vault-key-wrong' });
    });
  });

  it('tells the redactor what passes', async () => {
    const told: string[] = [];
    const telling = await openVault({ database, masterKey, onPlainValues: (values) => told.push(...values) });
    await telling.put(scope, 'ref-1', secret);
    await telling.get(scope, 'ref-1');
    expect(told).toEqual([secret.password, '', secret.password, '']);
  });
});
