import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVICES } from '@waybill/contracts';
import { available, describeWith, unavailable } from '@waybill/testkit/availability';
import { findJars } from '@waybill/testkit/kafka';
import { eventually } from '../journeys/testing/eventually.js';

const MAIN = fileURLToPath(new URL('../../../../tools/dist/distributed/main.js', import.meta.url));
const READY = /^Waybill is ready on (\S+)/m;
const ENTER_TO_END_MS = 45_000;

/** A terminal to type into. */
const TERMINAL = '/usr/bin/script';
const needed = existsSync(TERMINAL) ? findJars() : unavailable('a terminal needs script (Debian: bsdutils)');

/** What `npm run distributed` starts, with servers of its own, at a terminal. */
interface AtTerminal {
  readonly output: () => string;
  type(keys: string): void;
  /** Closes the terminal: what still runs in it ends. */
  hangUp(): void;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

const startAtTerminal = (folder: string): AtTerminal => {
  const command = `exec ${process.execPath} --disable-warning=TimeoutNegativeWarning ${MAIN}`;
  const terminal: ChildProcess = spawn(
    TERMINAL,
    ['--quiet', '--return', '--flush', '--command', command, '/dev/null'],
    {
      env: {
        PATH: process.env['PATH'],
        HOME: process.env['HOME'],
        WAYBILL_PORT: '0',
        WAYBILL_DATA: folder,
        SHELL: '/bin/sh',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  let output = '';
  terminal.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString().replaceAll('\r', '')));
  return {
    output: () => output,
    type: (keys) => terminal.stdin!.write(keys),
    hangUp: () => void terminal.kill('SIGTERM'),
    ended: once(terminal, 'close').then(([code]) => code as number | null),
  };
};

/** One that has ended may still have its number, until its parent has heard of it. */
const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};

describeWith('separate services that were started at a terminal', needed.available ? available(0) : needed, () => {
  let folder: string;
  let started: AtTerminal;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'waybill-terminal-'));
    started = startAtTerminal(folder);
    await eventually(
      async () => started.output(),
      (output) => READY.test(output),
      90_000,
    );
  }, 100_000);
  afterEach(async () => {
    started.hangUp();
    await started.ended;
    await rm(folder, { recursive: true, force: true, maxRetries: 10 });
  }, 60_000);

  /** Of every process that runs: the services, PostgreSQL and, by its port, Kafka. */
  const pids = async (): Promise<readonly number[]> => {
    const services = [...started.output().matchAll(/ listens on \S+ \(process (\d+)\)/g)].map(([, pid]) => Number(pid));
    const [database] = (await readFile(join(folder, 'postgres/postgres/data/postmaster.pid'), 'utf8')).split('\n');
    return [...services, Number(database)];
  };
  const kafkaAnswers = async (): Promise<boolean> => {
    const [, host, port] = /Kafka: ([\d.]+):(\d+)/.exec(started.output())!;
    const socket = connect(Number(port), host);
    return once(socket, 'connect').then(
      () => !socket.destroy().connecting,
      () => false,
    );
  };

  const untilGone = (running: readonly number[], withinMs: number) =>
    eventually(
      () => Promise.resolve(running.filter(isAlive)),
      (alive) => alive.length === 0,
      withinMs,
    );

  it('drain on Ctrl-C while the servers below them still run, and end well', async () => {
    const running = await pids();
    expect(running).toHaveLength(SERVICES.length + 1);
    const before = started.output().length;
    started.type('\u0003');
    const late = new Promise((resolve) => setTimeout(resolve, ENTER_TO_END_MS, 'too late').unref());
    expect(await Promise.race([started.ended, late])).toBe(0);
    const said = started.output().slice(before);
    expect(said).not.toMatch(/failed|did not|is started again|ECONN/);
    await untilGone(running, 5_000);
    await eventually(kafkaAnswers, (answers) => !answers);
  }, 90_000);

  it('end, and their servers too, when who started them is killed', async () => {
    const running = await pids();
    expect(await kafkaAnswers()).toBe(true);
    const services = running.slice(0, SERVICES.length);
    const parent = Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${services[0]}/status`, 'utf8'))?.[1]);
    process.kill(parent, 'SIGKILL');
    await started.ended;
    await untilGone(running, 40_000);
    await eventually(kafkaAnswers, (answers) => !answers);
  }, 90_000);
});
