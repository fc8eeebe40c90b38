import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '@waybill/contracts';

/** One process of one service, started again whenever it ends by itself. */
export interface ServiceProcess {
  readonly service: Service;
  /** `http://127.0.0.1:8081`; undefined while it is not ready. */
  address(): string | undefined;
  /** Resolves at the first time that it is ready; rejects with what it said when it ends before, three times. */
  readonly ready: Promise<void>;
  /** Lets it drain, and answers whether it ended well. */
  stop(): Promise<boolean>;
}

export interface ServiceProcessOptions {
  readonly service: Service;
  readonly environment: NodeJS.ProcessEnv;
  readonly log: (line: string) => void;
}

const READY = / is ready on (http:\/\/\S+)/;
const START_MS = 60_000;
/** A broker that has just started may not have settled yet who coordinates which group. */
const START_TRIES = 3;
/** More than a service gives itself. */
const DRAIN_MS = 30_000;
const LONGEST_PAUSE_MS = 10_000;

export const startService = ({ service, environment, log }: ServiceProcessOptions): ServiceProcess => {
  const main = fileURLToPath(import.meta.resolve(`@waybill/${service}/main`));
  const stopping = new AbortController();
  const { promise: ready, resolve: isReady, reject: isNotReady } = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let address: string | undefined;
  let lastWords: string[] = [];

  /** From its start to its end: the code or the signal that it ended with. */
  const runOnce = async (): Promise<number | NodeJS.Signals> => {
    lastWords = [];
    const started = spawn(process.execPath, [...process.execArgv, main], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'], // nothing is said there: a service ends when it breaks, and so when we are killed
    });
    child = started;
    const endWithUs = () => started.kill('SIGKILL');
    process.once('exit', endWithUs);
    const impatience = setTimeout(() => {
      log(`is not ready after ${START_MS / 1_000} s`);
      started.kill('SIGKILL');
    }, START_MS);
    const hear = (line: string): void => {
      lastWords = [...lastWords.slice(-19), line];
      const said = READY.exec(line)?.[1];
      if (said === undefined) return log(line);
      clearTimeout(impatience);
      address = said;
      log(`listens on ${said} (process ${started.pid})`);
      isReady();
    };
    for (const input of [started.stdout!, started.stderr!]) createInterface({ input }).on('line', hear);
    const [code, signal] = (await once(started, 'close')) as [number | null, NodeJS.Signals | null];
    process.off('exit', endWithUs);
    clearTimeout(impatience);
    child = undefined;
    address = undefined;
    return code ?? signal ?? 1;
  };

  const run = async (): Promise<boolean> => {
    let hasBeenReady = false;
    let failures = 0;
    void ready.then(
      () => (hasBeenReady = true),
      () => undefined,
    );
    for (let pauseMs = 500; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
      const startedAt = Date.now();
      const end = await runOnce();
      if (stopping.signal.aborted) return end === 0;
      if (!hasBeenReady && ++failures === START_TRIES) {
        isNotReady(new Error(`the ${service} service did not start (${end}):\n${lastWords.join('\n')}`));
        return false;
      }
      if (Date.now() - startedAt > START_MS) pauseMs = 500;
      log(`ended (${end}) and is started again`);
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) return true;
    }
  };

  const ended = run();
  return {
    service,
    ready,
    address: () => address,
    async stop() {
      stopping.abort();
      child?.kill('SIGTERM');
      const impatience = setTimeout(() => {
        log(`did not drain within ${DRAIN_MS / 1000} s and is ended`);
        child?.kill('SIGKILL');
      }, DRAIN_MS);
      const well = await ended;
      clearTimeout(impatience);
      return well;
    },
  };
};
