import { randomBytes } from 'node:crypto';
import { digestOf, isWaybillError, type Scope, WaybillError } from '@waybill/kernel';
import { type Database, databaseUnavailable, isTransient, migrate, type Migration } from '@waybill/postgres';
import type pg from 'pg';
import { KEY_BYTES, open, seal } from './envelope.js';
import type { KeyWrapper } from './master-key.js';
import type { SecretRef, Vault } from './port.js';
import { sealSecret } from './sealed-secret.js';

const vaultMigrations: readonly Migration[] = [
  {
    name: '001-secrets',
    sql: `
      create table secrets (
        tenant text not null, sandbox text not null, ref text not null,
        key_id text not null, wrapped_key bytea not null, ciphertext bytea not null,
        put_at timestamptz not null default now(),
        primary key (tenant, sandbox, ref))`,
  },
];

export interface VaultOptions {
  /** With a schema of the vault's own. */
  readonly database: Database;
  readonly masterKey: KeyWrapper;
  /** Told every value that passes, so that a redactor can keep it out of logs. */
  readonly onPlainValues?: (values: readonly string[]) => void;
}

interface SecretRow {
  readonly key_id: string;
  readonly wrapped_key: Buffer;
  readonly ciphertext: Buffer;
}

/** Rejects with `vault-key-wrong` when there are secrets that another master key wrapped (`rewrapSecrets` moves them). */
export const openVault = async ({ database, masterKey, onPlainValues }: VaultOptions): Promise<Vault> => {
  const query = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) => {
    try {
      return await database.pool.query<Row>(text, [...values]);
    } catch (error) {
      throw isTransient(error) ? databaseUnavailable(error) : error;
    }
  };

  await migrate(database, 'vault', vaultMigrations);
  const { rows } = await query<{ key_id: string; count: number }>(
    'select key_id, count(*)::int as count from secrets where key_id <> $1 group by key_id',
    [masterKey.keyId],
  );
  if (rows[0]) throw keyWrong(masterKey.keyId, rows[0].key_id, rows[0].count);

  const read = async (scope: Scope, ref: SecretRef): Promise<Readonly<Record<string, string>>> => {
    const found = await query<SecretRow>(
      'select key_id, wrapped_key, ciphertext from secrets where tenant = $1 and sandbox = $2 and ref = $3',
      [scope.tenant, scope.sandbox, ref],
    );
    const row = found.rows[0];
    if (row === undefined) throw notFound(ref);
    if (row.key_id !== masterKey.keyId) throw keyWrong(masterKey.keyId, row.key_id, 1);
    try {
      const dataKey = await masterKey.unwrap(row.wrapped_key, keyContext(scope, ref, row.key_id));
      return JSON.parse(open(dataKey, row.ciphertext, context(scope, ref)).toString('utf8')) as Record<string, string>;
    } catch (cause) {
      throw isWaybillError(cause) ? cause : damaged(ref, cause);
    }
  };

  return {
    async put(scope, ref, secret) {
      onPlainValues?.(Object.values(secret));
      const dataKey = randomBytes(KEY_BYTES);
      const { rowCount } = await query(
        `insert into secrets (tenant, sandbox, ref, key_id, wrapped_key, ciphertext)
         values ($1, $2, $3, $4, $5, $6) on conflict do nothing`,
        [
          scope.tenant,
          scope.sandbox,
          ref,
          masterKey.keyId,
          await masterKey.wrap(dataKey, keyContext(scope, ref, masterKey.keyId)),
          seal(dataKey, Buffer.from(JSON.stringify(secret)), context(scope, ref)),
        ],
      );
      if (rowCount === 0 && digestOf(await read(scope, ref)) !== digestOf(secret)) throw refTaken(ref);
    },

    async get(scope, ref) {
      const values = await read(scope, ref);
      onPlainValues?.(Object.values(values));
      return sealSecret(values);
    },

    async shred(scope, ref) {
      await query('delete from secrets where tenant = $1 and sandbox = $2 and ref = $3', [
        scope.tenant,
        scope.sandbox,
        ref,
      ]);
    },
  };
};

/** Moves every secret from one master key to another, whole or not at all; answers how many. No process may have the vault open. */
export const rewrapSecrets = (database: Database, from: KeyWrapper, to: KeyWrapper): Promise<number> =>
  database.transaction(async (client) => {
    const { rows } = await client.query<Scope & { ref: string; wrapped_key: Buffer }>(
      'select tenant, sandbox, ref, wrapped_key from secrets where key_id = $1 for update',
      [from.keyId],
    );
    for (const { tenant, sandbox, ref, wrapped_key } of rows) {
      const scope = { tenant, sandbox };
      const dataKey = await from.unwrap(wrapped_key, keyContext(scope, ref, from.keyId));
      await client.query(
        'update secrets set key_id = $4, wrapped_key = $5 where tenant = $1 and sandbox = $2 and ref = $3',
        [tenant, sandbox, ref, to.keyId, await to.wrap(dataKey, keyContext(scope, ref, to.keyId))],
      );
    }
    return rows.length;
  });

/** Bound to what is encrypted, so that a row's bytes open in no other row. JSON keeps the parts apart. */
const context = ({ tenant, sandbox }: Scope, ref: SecretRef): string =>
  JSON.stringify(['waybill-secret-v1', tenant, sandbox, ref]);

/** The master key's id is bound to the wrapped key alone, so that another master key need not touch the secrets. */
const keyContext = ({ tenant, sandbox }: Scope, ref: SecretRef, keyId: string): string =>
  JSON.stringify(['waybill-data-key-v1', tenant, sandbox, ref, keyId]);

const notFound = (ref: SecretRef) =>
  new WaybillError(
    'secret-not-found',
    'not-found',
    `There is no secret ${ref}: it was never put here, or it was shredded.`,
  );

const keyWrong = (given: string, wanted: string, count: number) =>
  new WaybillError(
    'vault-key-wrong',
    'internal',
    `The master key (id ${given}) is not the one (id ${wanted}) that ${count} secret(s) in the vault were encrypted with. ` +
      'Start with the former key; where it is lost, those secrets are too: shred them and connect their accounts again.',
  );

const damaged = (ref: SecretRef, cause: unknown) =>
  new WaybillError(
    'secret-damaged',
    'internal',
    `The secret ${ref} does not open: its row was changed or moved. Restore it from a backup, or put it again under a new reference.`,
    { cause },
  );

const refTaken = (ref: SecretRef) =>
  new WaybillError('secret-ref-taken', 'conflict', `The reference ${ref} already stands for another secret.`);
