import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, open as openFile, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { WaybillError } from '@waybill/kernel';
import { KEY_BYTES, open, seal } from './envelope.js';

/** Wraps the data key of each secret. The master key in memory is one; a cloud KMS can take its place. */
export interface KeyWrapper {
  /** Stored beside what it wrapped; says which key it was and nothing about it. */
  readonly keyId: string;
  wrap(dataKey: Uint8Array, context: string): Promise<Uint8Array>;
  /** Rejects when it did not wrap this, or not in this context. */
  unwrap(wrapped: Uint8Array, context: string): Promise<Uint8Array>;
}

export const masterKeyFrom = (key: Uint8Array): KeyWrapper => ({
  keyId: createHash('sha256').update('waybill master key').update(key).digest('hex').slice(0, 16),
  wrap: (dataKey, context) => Promise.resolve(seal(key, dataKey, context)),
  unwrap: async (wrapped, context) => Promise.resolve(open(key, wrapped, context)),
});

export interface MasterKeySource {
  /** Base64 of 32 bytes: `WAYBILL_MASTER_KEY`. */
  readonly value?: string | undefined;
  /** A file that holds the same: `WAYBILL_MASTER_KEY_FILE`. */
  readonly file?: string | undefined;
  /** A folder in which the key is kept, and made on the first start, when neither of the others is given. */
  readonly generateIn?: string | undefined;
  readonly warn: (text: string) => void;
}

/** Throws `master-key-malformed`, `master-key-unreadable` or `master-key-missing` (malformed), saying what to mend, never the key. */
export const loadMasterKey = async ({ value, file, generateIn, warn }: MasterKeySource): Promise<KeyWrapper> => {
  if (value !== undefined && file !== undefined) {
    throw malformed('WAYBILL_MASTER_KEY and WAYBILL_MASTER_KEY_FILE are both set; keep one of them.');
  }
  if (value !== undefined) return parse(value, 'WAYBILL_MASTER_KEY');
  if (file !== undefined) return await read(file, warn);
  if (generateIn === undefined) {
    throw new WaybillError(
      'master-key-missing',
      'malformed',
      'There is no master key. Set WAYBILL_MASTER_KEY to the Base64 of 32 random bytes (openssl rand -base64 32), or ' +
        'WAYBILL_MASTER_KEY_FILE to a file that holds it.',
    );
  }
  const kept = join(generateIn, 'master.key');
  if (await generate(kept)) {
    warn(
      `A master key was made in ${kept}. The credentials of all accounts are encrypted with it: without it they are lost, ` +
        'and every account has to be connected again. Keep a copy in a safe place, apart from the backups of the database.',
    );
  }
  return await read(kept, warn);
};

/** Where Docker and Podman mount secrets, readable by all in a container: there nobody else is. */
const SECRETS_MOUNT = /^(\/var)?\/run\/secrets\//;

/** Whether every user of the machine may read a file of this mode there, as its own bits say. */
export const isOpenToAll = (file: string, mode: number): boolean =>
  process.platform !== 'win32' && (mode & 0o007) !== 0 && !SECRETS_MOUNT.test(resolve(file));

const read = async (file: string, warn: (text: string) => void): Promise<KeyWrapper> => {
  try {
    const { mode } = await stat(file);
    if (isOpenToAll(file, mode)) {
      warn(`The master key file ${file} may be read by every user of this machine; chmod 600 it.`);
    }
    return parse(await readFile(file, 'utf8'), `The file ${file}`);
  } catch (error) {
    if (error instanceof WaybillError) throw error;
    const reason = (error as { code?: string }).code ?? 'unknown error';
    throw new WaybillError(
      'master-key-unreadable',
      'malformed',
      `The master key file ${file} cannot be read (${reason}).`,
    );
  }
};

const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;

const parse = (text: string, source: string): KeyWrapper => {
  const trimmed = text.trim();
  if (trimmed === '') throw malformed(`${source} is empty; it must hold the Base64 of 32 random bytes.`);
  if (!BASE64.test(trimmed)) throw malformed(`${source} is not Base64; it must hold the Base64 of 32 random bytes.`);
  const key = Buffer.from(trimmed, 'base64');
  if (key.length !== KEY_BYTES) throw malformed(`${source} holds ${key.length} bytes in Base64; it must be 32.`);
  return masterKeyFrom(key);
};

const malformed = (detail: string) => new WaybillError('master-key-malformed', 'malformed', detail);

/** True when this call made the file. Whole or not at all, also when two processes start at once. */
const generate = async (file: string): Promise<boolean> => {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  if (await stat(file).catch(() => undefined)) return false;
  const draft = `${file}.${randomUUID()}`;
  const handle = await openFile(draft, 'wx', 0o600);
  try {
    await handle.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
};
