import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageBus } from '@waybill/messaging';
import { testDatabase } from '@waybill/testkit/postgres';
import { type Api, apiOf } from './api.js';
import { openBackbone } from './backbone.js';

const READY = /is ready on (http:\/\/\S+)/;
/** Time for a service that hangs to be started again, and less than a hook waits: so what hangs says why. */
const START_MS = 120_000;
/** kafkajs has Node warn of its queue's time-outs. */
const NODE_FLAGS = ['--disable-warning=TimeoutNegativeWarning'];

type Environment = Readonly<Record<string, string>>;

/** A Waybill as its users run it: a process of its own that tests reach over HTTP only. */
export interface Waybill {
  /** Of the process that runs now. */
  readonly address: string;
  /** With `DATABASE_URL` set to nothing it has its own database, embedded, at this address while it runs. */
  readonly databaseUrl: string;
  /** The bus that its services speak on, for an internal service beside them. */
  openBus(): Promise<MessageBus>;
  /** What it has recorded and said outside of its database, as text. */
  texts(): Promise<Readonly<Record<string, string>>>;
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
  const { main, close } = await openBackbone({ isFirst: false });
  const child = spawn(process.execPath, [main], { env: environmentOf(own), stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const impatience = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(impatience);
  await close();
  return { code, output };
};

export const startWaybill = async (environment: Environment = {}, args: readonly string[] = []): Promise<Waybill> => {
  const [database, backbone] = await Promise.all([testDatabase(), openBackbone({ isFirst: true })]);
  const folder = await mkdtemp(join(tmpdir(), 'waybill-journey-'));
  const lines: string[] = [];
  let child: ChildProcess | undefined;
  let address = '';

  /** Every process of it at once. */
  const signalAll = ({ pid }: ChildProcess, signal: NodeJS.Signals): boolean =>
    pid !== undefined && process.kill(backbone.isGroup ? -pid : pid, signal);

  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (!child) return null;
    const ending = child;
    child = undefined;
    if (ending.exitCode === null && ending.signalCode === null) {
      const closed = once(ending, 'close');
      // Asked to end, the first process sees to the others.
      if (signal === 'SIGKILL') signalAll(ending, signal);
      else ending.kill(signal);
      await closed;
    }
    return ending.exitCode;
  };
  const start = async (changed: Environment = {}): Promise<void> => {
    const places = { WAYBILL_DATA: folder, DATABASE_URL: database.url, ...backbone.environment };
    const started = spawn(process.execPath, [...NODE_FLAGS, backbone.main, ...args], {
      env: environmentOf({ ...places, ...environment, ...changed }),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: backbone.isGroup,
    });
    child = started;
    const endWithUs = () => signalAll(started, 'SIGKILL');
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

  const databaseUrl = () => (environment['DATABASE_URL'] === '' ? embeddedUrlOf(folder) : database.url);

  await start();
  return {
    get address() {
      return address;
    },
    get databaseUrl() {
      return databaseUrl();
    },
    openBus: () => backbone.openBus(databaseUrl()),
    texts: () => backbone.texts(),
    get output() {
      return lines.join('\n');
    },
    api: (headers = {}) => apiOf(() => address, headers),
    stop: () => end('SIGTERM'),
    kill: async () => void (await end('SIGKILL')),
    hang: () => void (child && signalAll(child, 'SIGSTOP')),
    goOn: () => void (child && signalAll(child, 'SIGCONT')),
    start,
    close: async () => {
      await end('SIGTERM');
      await backbone.close();
      await database.drop();
      await rm(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
};

const embeddedUrlOf = (dataFolder: string): string => {
  const home = join(dataFolder, 'postgres');
  const password = readFileSync(join(home, 'password'), 'utf8').trim();
  const port = readFileSync(join(home, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[3];
  return `postgres://waybill:${password}@127.0.0.1:${port}/waybill`;
};
