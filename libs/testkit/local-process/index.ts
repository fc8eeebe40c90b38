import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** They stand in libs/postgres, whose own specs need them too. */
export { freePort, isFree } from '@waybill/postgres/testing';

export interface LocalProcess {
  /** Ends it at once, as a crash would (SIGKILL). */
  kill(): Promise<void>;
  /** Asks it to end, and ends it after five seconds. */
  stop(): Promise<void>;
}

/**
 * Lets a server end when this process is gone, however it went: the pipe, whose other end nobody else has, closes then.
 * Answers what calls that off.
 */
export const endWithUs = (pid: number, signal: 'INT' | 'KILL' = 'KILL'): (() => void) => {
  const script = `cat > /dev/null; kill -${signal} ${pid}`;
  const guard = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  guard.unref();
  (guard.stdin as Socket).unref();
  return () => {
    guard.kill('SIGKILL');
    guard.stdin.destroy();
  };
};

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

export interface StartOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly withinMs?: number;
  /** Gives the start up: the server is stopped, and the start rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a server and waits until `isUp` says so; rejects with what it printed when it ends before or takes too long. It has
 * a session of its own: Ctrl-C is for those whom it serves, and it is stopped after them.
 */
export const startProcess = async (
  command: string,
  args: readonly string[],
  isUp: () => Promise<boolean>,
  { env = {}, withinMs = 30_000, signal }: StartOptions = {},
): Promise<LocalProcess> => {
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    detached: true,
  });
  if (child.pid !== undefined) child.once('exit', endWithUs(child.pid));
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
  }
  const kill = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const stop = async () => {
    child.kill();
    const patience = new AbortController();
    await Promise.race([ended, sleep(5_000, undefined, { signal: patience.signal }).catch(() => undefined)]);
    patience.abort();
    child.kill('SIGKILL');
    await ended;
  };
  const deadline = Date.now() + withinMs;
  for (;;) {
    const up = await isUp().catch(() => false);
    // Whatever answers: it may be a stranger, whom the port belongs to.
    if (child.pid === undefined || hasEnded(child)) throw new Error(`${command} ended at once: ${output}`);
    if (signal?.aborted || (!up && Date.now() > deadline)) {
      await stop();
      signal?.throwIfAborted();
      throw new Error(`${command} was not up within ${withinMs / 1000} s: ${output}`);
    }
    if (up) return { kill, stop };
    await sleep(20);
  }
};

/** Whether anything speaks HTTP there. */
export const answersHttp = (url: string) => async (): Promise<boolean> => {
  await fetch(url, { signal: AbortSignal.timeout(1_000) });
  return true;
};
