import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(import.meta.resolve('@waybill/all-in-one/main'));
const READY = /is ready on (http:\/\/\S+)/;
const START_MS = 45_000;

export interface StartedWaybill {
  readonly address: string;
  readonly pid: number;
  /** The last lines that it wrote, for when something goes wrong. */
  lastWords(): readonly string[];
  stop(): Promise<void>;
}

/** The all-in-one server as its users start it: a process of its own, configured by environment. */
export const startWaybill = async (
  dataFolder: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<StartedWaybill> => {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    env: { ...process.env, WAYBILL_DATA: dataFolder, WAYBILL_PORT: '0', WAYBILL_LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const said: string[] = [];
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exited;
  };
  const ready = new Promise<string>((resolve, reject) => {
    const listen = (line: string) => {
      said.push(line);
      const address = READY.exec(line)?.[1];
      if (address) resolve(address);
    };
    createInterface({ input: child.stdout }).on('line', listen);
    createInterface({ input: child.stderr }).on('line', listen);
    void exited.then(() => reject(new Error(`Waybill did not start:\n${said.slice(-20).join('\n')}`)));
    setTimeout(
      () => reject(new Error(`Waybill was not ready after ${START_MS / 1000} s:\n${said.slice(-20).join('\n')}`)),
      START_MS,
    ).unref();
  });
  try {
    return { address: await ready, pid: child.pid ?? 0, lastWords: () => said.slice(-10), stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
