import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCluster, USER } from '../embedded/index.js';
import pg from 'pg';

export * from './free-port.js';

export interface TestDatabase {
  readonly url: string;
  /** Ends whatever is connected. */
  drop(): Promise<void>;
}

/**
 * A fresh, empty database: on the server of `WAYBILL_TEST_DATABASE_URL` (a user that may create databases), else on an
 * embedded PostgreSQL that the whole jest run shares and that starts when the first spec asks.
 */
export const testDatabase = async (): Promise<TestDatabase> => {
  const server = process.env['WAYBILL_TEST_DATABASE_URL'] ?? (await sharedServer());
  const name = `waybill_test_${randomBytes(6).toString('hex')}`;
  await runOn(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => runOn(server, `drop database ${name} with (force)`) };
};

const runOn = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

/** Nothing here outlives the run, so nothing need reach the disk. */
const SETTINGS = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '400',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
};

const sharedServer = async (): Promise<string> => {
  const folder = process.env['WAYBILL_TEST_POSTGRES_FOLDER'];
  if (folder === undefined)
    throw new Error('testDatabase() works inside jest, whose globalSetup names a folder for the server.');
  const answer = join(folder, 'answer.json');
  if (isFirst(join(folder, 'starting'))) {
    const started = await start(folder).catch((error: unknown) => ({ problem: String(error) }));
    writeFileSync(`${answer}.new`, JSON.stringify(started));
    renameSync(`${answer}.new`, answer);
  }
  for (let tries = 0; !existsSync(answer); tries += 1) {
    if (tries === 1200) throw new Error(`The shared PostgreSQL of this run did not start within a minute (${folder}).`);
    await sleep(50);
  }
  const { url, problem } = JSON.parse(readFileSync(answer, 'utf8')) as { url?: string; problem?: string };
  if (url === undefined) throw new Error(`The shared PostgreSQL of this run did not start: ${problem}`);
  return url;
};

/** One spec of the run, in whichever worker, starts the server; the others wait for its answer. */
const isFirst = (marker: string): boolean => {
  try {
    mkdirSync(marker);
    return true;
  } catch {
    return false;
  }
};

const start = async (folder: string): Promise<{ url: string }> => {
  const password = randomBytes(16).toString('hex');
  const cluster = await openCluster(folder);
  await cluster.create(password);
  const port = await cluster.start(SETTINGS);
  return { url: `postgres://${USER}:${password}@127.0.0.1:${port}/postgres` };
};
