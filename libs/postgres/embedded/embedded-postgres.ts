import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WaybillError } from '@waybill/kernel';
import pg from 'pg';
import { openCluster, USER, type Cluster } from './cluster.js';
import { lockFolder } from './folder-lock.js';

export interface EmbeddedPostgresOptions {
  /** Holds everything: the data, the server's log, the password, the lock. Made when missing. */
  readonly folder: string;
  /** On 127.0.0.1; a free one when left out. */
  readonly port?: number;
  readonly log: (line: string) => void;
}

export interface EmbeddedPostgres {
  /** With the password in it: not for logs. */
  readonly url: string;
  /** Of the server, a daemon that outlives who started it. */
  readonly pid: number;
  stop(): Promise<void>;
}

const DATABASE = 'waybill';

/** fsync and the rest of durability are as PostgreSQL ships them: on. `terse` keeps values of rows out of the log. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_checkpoints: 'off',
  log_error_verbosity: 'terse',
};

/**
 * A PostgreSQL 18 of our own in a folder of our own, for one process at a time.
 * Errors (WaybillError slugs): `embedded-database-locked`, `embedded-database-port-taken`, `embedded-database-failed`,
 * `embedded-database-hung` (unavailable); `embedded-database-unusable`, `embedded-database-no-account`,
 * `embedded-database-version`, `embedded-database-folder-unusable`, `embedded-database-password-lost` (internal). Each says how to mend it.
 */
export const openEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const folder = resolve(options.folder);
  const unlock = lockFolder(folder);
  try {
    const cluster = await openCluster(folder);
    const password = passwordOf(folder, cluster);
    await cluster.create(password);
    await endLeftOver(cluster, password, options.log);
    const port = await cluster.start(SETTINGS, options.port);
    await createDatabase(urlOf(port, password, 'postgres'));
    options.log(`embedded PostgreSQL on port ${port}, data in ${folder}`);
    const { pid } = cluster.running()!;
    return { url: urlOf(port, password, DATABASE), pid, stop: once(() => cluster.stop().finally(unlock)) };
  } catch (error) {
    unlock();
    throw error;
  }
};

const once = (work: () => Promise<void>): (() => Promise<void>) => {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
};

const urlOf = (port: number, password: string, database: string): string =>
  `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;

const passwordOf = (folder: string, cluster: Cluster): string => {
  const file = join(folder, 'password');
  if (existsSync(file)) return readFileSync(file, 'utf8').trim();
  if (cluster.exists()) {
    throw new WaybillError(
      'embedded-database-password-lost',
      'internal',
      `${folder} holds a database but not its password. Put the file ${file} back from a backup.`,
    );
  }
  const password = randomBytes(24).toString('hex');
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return password;
};

/** We hold the folder, so a server on it was left behind by a process that was killed. It is stopped, not reused: one path. */
const endLeftOver = async (cluster: Cluster, password: string, log: (line: string) => void): Promise<void> => {
  const noted = cluster.running();
  if (noted === undefined) return;
  switch (await answerOf(urlOf(noted.port, password, 'postgres'))) {
    case 'ours':
      log(`stopping the PostgreSQL (pid ${noted.pid}) that a killed process left behind`);
      return cluster.stop();
    case 'not ours': // it is gone, and its pid may be somebody else's by now
      return cluster.forgetServer();
    case 'none':
      throw new WaybillError(
        'embedded-database-hung',
        'unavailable',
        `A PostgreSQL that was left behind (pid ${noted.pid}, port ${noted.port}) does not answer. End that process and start again.`,
      );
  }
};

/** Nobody else knows the password. A server listens for as long as it lives, so a refused connection means it does not. */
const answerOf = async (url: string): Promise<'ours' | 'not ours' | 'none'> => {
  for (let tries = 0; tries < 120; tries += 1) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined); // it was for the answer only
    try {
      await client.connect();
      return 'ours';
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === undefined) return 'none'; // the client's own time-out
      if (code !== CANNOT_CONNECT_NOW) return 'not ours';
      await sleep(500);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return 'none';
};

/** SQLSTATE of a server that is starting, recovering or shutting down. */
const CANNOT_CONNECT_NOW = '57P03';

const createDatabase = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
};
