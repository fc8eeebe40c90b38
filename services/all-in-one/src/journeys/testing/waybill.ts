import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { testDatabase } from '@waybill/testkit/postgres';
import { type Api, apiOf } from './api.js';

/** `distributed`: a process of each service over Kafka and EventStoreDB behind one address. Else: all in one process. */
export const BACKBONE = process.env['WAYBILL_TEST_BACKBONE'] ?? 'embedded';

/** What users run; `npm run build` makes it. */
const MAIN = fileURLToPath(
  BACKBONE === 'distributed'
    ? new URL('../../../../../tools/dist/distributed/main.js', import.meta.url)
    : new URL('../../../dist/main.js', import.meta.url),
);
const READY = /is ready on (http:\/\/\S+)/;
const START_MS = 60_000;

type Environment = Readonly<Record<string, string>>;

/** A Waybill as its users run it: a process of its own that tests reach over HTTP only. */
export interface Waybill {
  /** Of the process that runs now. */
  readonly address: string;
  /** With `DATABASE_URL` set to nothing it has its own database, embedded, at this address while it runs. */
  readonly databaseUrl: string;
  /** Everything it has printed on both streams, of earlier processes too. */
  readonly output: string;
  /** Speaks as this tenant, sandbox and actor, by the headers that are taken without authentication. */
  api(headers?: Environment): Api;
  /** Ends it as an operator does, and answers its exit code. */
  stop(): Promise<number | null>;
  /** Ends it without a chance to do anything, as a machine does that loses its power. */
  kill(): Promise<void>;
  /** Lets it hang, or go on, as a machine does that swaps or is moved. */
  hang(): void;
  goOn(): void;
  /** Starts it again on the same data, after it was stopped or killed. */
  start(environment?: Environment): Promise<void>;
  /** Stops it and removes its data. */
  close(): Promise<void>;
}

/** What a process of Waybill sees: nothing of the tests' own settings. */
const environmentOf = (own: Environment): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  WAYBILL_PORT: '0',
  ...own,
});

/** Runs until it ends by itself; for starts that fail. */
export const runToItsEnd = async (own: Environment): Promise<{ code: number | null; output: string }> => {
  const child = spawn(process.execPath, [MAIN], { env: environmentOf(own), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const impatience = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(impatience);
  return { code, output };
};

export const startWaybill = async (environment: Environment = {}): Promise<Waybill> => {
  const database = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'waybill-journey-'));
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  let address = '';

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!child) return null;
    const ending = child;
    child = undefined;
    if (ending.exitCode === null && ending.signalCode === null) {
      const closed = once(ending, 'close');
      ending.kill(signal);
      await closed;
    }
    return ending.exitCode;
  };
  const start = async (changed: Environment = {}): Promise<void> => {
    const own = { WAYBILL_DATA: folder, DATABASE_URL: database.url, ...environment, ...changed };
    const started = spawn(process.execPath, [MAIN], { env: environmentOf(own), stdio: ['ignore', 'pipe', 'pipe'] });
    child = started;
    const endWithUs = () => started.kill('SIGKILL');
    process.once('exit', endWithUs);
    started.once('close', () => process.off('exit', endWithUs));
    const ready = new Promise<string>((resolve, reject) => {
      for (const stream of [started.stdout, started.stderr]) {
        createInterface({ input: stream }).on('line', (line) => {
          lines.push(line);
          const said = READY.exec(line)?.[1];
          if (said !== undefined) resolve(said);
        });
      }
      started.once('close', () => reject(new Error(`Waybill ended:\n${lines.slice(-20).join('\n')}`)));
    });
    const patience = new AbortController();
    const tooLong = sleep(START_MS, undefined, { signal: patience.signal }).then(() => {
      throw new Error(`Waybill was not ready after ${START_MS / 1000} s:\n${lines.slice(-20).join('\n')}`);
    });
    tooLong.catch(() => undefined); // the race below has ended
    try {
      address = await Promise.race([ready, tooLong]);
    } catch (error) {
      await end('SIGKILL');
      throw error;
    } finally {
      patience.abort();
    }
  };

  await start();
  return {
    get address() {
      return address;
    },
    get databaseUrl() {
      return environment['DATABASE_URL'] === '' ? embeddedUrlOf(folder) : database.url;
    },
    get output() {
      return lines.join('\n');
    },
    api: (headers = {}) => apiOf(() => address, headers),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    hang: () => void child?.kill('SIGSTOP'),
    goOn: () => void child?.kill('SIGCONT'),
    start,
    close: async () => {
      await end('SIGTERM');
      await database.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const embeddedUrlOf = (dataFolder: string): string => {
  const home = join(dataFolder, 'postgres');
  const password = readFileSync(join(home, 'password'), 'utf8').trim();
  const port = readFileSync(join(home, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://waybill:${password}@127.0.0.1:${port}/waybill`;
};
