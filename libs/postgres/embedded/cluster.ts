import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { WaybillError } from '@waybill/kernel';
import { serverAccount } from './account.js';
import { findBinaries } from './binaries.js';
import { nameFor, run } from './run.js';

export const USER = 'waybill';
const MAJOR = '18';

/** Where the server was killed, its children go by themselves, in a moment; until then they hold its memory. */
const ORPHANS_MS = 10_000;
const LOOK_MS = 100;

/** One database cluster in `<folder>/postgres`, and the server on it. */
export interface Cluster {
  exists(): boolean;
  /** Makes the cluster where there is none; all of it or nothing. */
  create(password: string): Promise<void>;
  /** Answers once the server takes connections on 127.0.0.1; with no port given, on a free one. */
  start(settings: Readonly<Record<string, string>>, port?: number): Promise<number>;
  /** Ends connections and stops; all that was committed is on disk. */
  stop(): Promise<void>;
  /** What the server on this cluster, if any, wrote about itself. */
  running(): { readonly pid: number; readonly port: number } | undefined;
  /** Forgets a server that is known to be gone. */
  forgetServer(): void;
}

export const openCluster = async (folder: string): Promise<Cluster> => {
  const home = join(folder, 'postgres');
  const account = serverAccount(home);
  const binaries = await findBinaries(account, folder);
  mkdirSync(home, { recursive: true, mode: 0o700 });
  chmodSync(home, 0o700);
  if (account) chownSync(home, account.uid, account.gid);

  const inHome = (name: string) => join(home, name);
  const named = (name: string) => `${nameFor(account, home)}/${name}`;
  const call = (program: string, args: readonly string[]) => run(program, args, account, home);
  const logFile = inHome('server.log');
  const pidFile = inHome('data/postmaster.pid');

  return {
    exists: () => existsSync(inHome('data')),

    async create(password) {
      if (existsSync(inHome('data'))) {
        const version = readFileSync(inHome('data/PG_VERSION'), 'utf8').trim();
        if (version === MAJOR) return;
        throw new WaybillError(
          'embedded-database-version',
          'internal',
          `The data in ${home} was written by PostgreSQL ${version}, and this is PostgreSQL ${MAJOR}. Dump it with the old version and load it here.`,
        );
      }
      rmSync(inHome('unfinished'), { recursive: true, force: true });
      rmSync(inHome('password'), { force: true });
      writeFileSync(inHome('password'), password, { mode: 0o600, flag: 'wx' });
      if (account) chownSync(inHome('password'), account.uid, account.gid);
      const { status, output } = await call(binaries.initdb, [
        `--pgdata=${named('unfinished')}`,
        `--username=${USER}`,
        `--pwfile=${named('password')}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale=C',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
      ]);
      rmSync(inHome('password'));
      if (status !== 0) throw failed('could not make its data folder', output);
      renameSync(inHome('unfinished'), inHome('data'));
    },

    async start(settings, port) {
      const flags = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
      const orphansUntil = Date.now() + ORPHANS_MS;
      for (let portsTaken = 0; ;) {
        const chosen = port ?? (await freePort());
        rmSync(logFile, { force: true });
        const { status, output } = await call(binaries.pg_ctl, [
          'start',
          '--wait',
          '--timeout=60',
          `--pgdata=${named('data')}`,
          `--log=${named('server.log')}`,
          `--options=-p ${chosen} ${flags.join(' ')}`,
        ]);
        if (status === 0) return chosen;
        const log = existsSync(logFile) ? readFileSync(logFile, 'utf8') : output;
        if (log.includes('pre-existing shared memory block') && Date.now() < orphansUntil) {
          await sleep(LOOK_MS);
          continue;
        }
        const portTaken = log.includes('Address already in use');
        if (portTaken && port !== undefined) {
          throw new WaybillError(
            'embedded-database-port-taken',
            'unavailable',
            `Port ${port} on 127.0.0.1 is in use. Stop what uses it, or let the embedded PostgreSQL take a free port.`,
          );
        }
        if (!portTaken || ++portsTaken === 3) throw failed('did not start', log);
      }
    },

    async stop() {
      if (!existsSync(pidFile)) return;
      const { status, output } = await call(binaries.pg_ctl, [
        'stop',
        '--wait',
        '--timeout=60',
        '--mode=fast',
        `--pgdata=${named('data')}`,
      ]);
      if (status !== 0 && existsSync(pidFile)) throw failed('did not stop', output);
    },

    running() {
      if (!existsSync(pidFile)) return undefined;
      // Lines: process id, data folder, start time, port, …
      const lines = readFileSync(pidFile, 'utf8').split('\n');
      return { pid: Number(lines[0]), port: Number(lines[3]) };
    },

    forgetServer: () => rmSync(pidFile, { force: true }),
  };
};

const failed = (what: string, output: string): WaybillError =>
  new WaybillError(
    'embedded-database-failed',
    'unavailable',
    `The embedded PostgreSQL ${what}: ${output.split('\n').slice(-8).join(' ').trim()}`,
  );

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
