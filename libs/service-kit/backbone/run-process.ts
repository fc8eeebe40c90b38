import type { Type } from '@nestjs/common';
import { isWaybillError, messageOf, WaybillError } from '@waybill/kernel';
import { type Configuration, readConfiguration } from '../config/configuration.js';
import { createHttpApp } from '../http/app.js';
import { startTracing } from '../operation/tracing.js';
import { type Backbone, openBackbone } from './backbone.js';
import { processModule } from './process.module.js';

/** Time for requests, handlers and uploads to come to a safe point before the process ends anyway. */
const SHUTDOWN_MS = 25_000;
const LAST_WORDS_MS = 1_000;

export interface RunningProcess {
  /** `http://127.0.0.1:8080`. */
  readonly address: string;
  /** Drains and closes everything that was opened; safe to call twice. */
  stop(): Promise<void>;
}

/** Opens the backbone, starts the services of these modules in this process and listens. */
export const startProcess = async (
  services: readonly Type[],
  configuration: Configuration,
): Promise<RunningProcess> => {
  const backbone: Backbone = await openBackbone(configuration);
  try {
    const app = await createHttpApp(processModule(services, configuration, backbone));
    try {
      await app.listen(configuration.port, configuration.host);
    } catch (error) {
      await app.close();
      throw asListenError(error, configuration);
    }
    const { port } = app.getHttpServer().address() as { port: number };
    const host = configuration.host.includes(':') ? `[${configuration.host}]` : configuration.host;
    let stopping: Promise<void> | undefined;
    const stop = async () => {
      await app.close();
      await backbone.close();
    };
    return { address: `http://${host}:${port}`, stop: () => (stopping ??= stop()) };
  } catch (error) {
    await backbone.close();
    throw error;
  }
};

const asListenError = (error: unknown, { host, port }: Configuration): unknown => {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EADDRINUSE' && code !== 'EACCES' && code !== 'EADDRNOTAVAIL') return error;
  const why =
    code === 'EADDRINUSE'
      ? 'something else listens there'
      : code === 'EACCES'
        ? 'this user may not'
        : 'this machine has no such address';
  return new WaybillError(
    'address-unusable',
    'internal',
    `Waybill cannot listen on ${host}, port ${port}: ${why}. Set WAYBILL_PORT (0 takes a free one) or WAYBILL_HOST.`,
    { cause: error },
  );
};

/** Clients are told only that something is away; whoever starts it also hears which address did not answer, and how. */
export const whyNotStarted = (error: unknown): string => {
  if (isWaybillError(error) && error.kind !== 'unavailable') return error.message;
  let root = error;
  while (root instanceof Error && root.cause instanceof Error) root = root.cause;
  return root === error ? messageOf(error) : `${messageOf(error)} (${messageOf(root)})`;
};

/**
 * The body of a `main.ts`: runs until a signal, drains, and ends with 0; a start that fails says why and ends with 1. A
 * signal that comes during the start ends the process as soon as it has started, so that nothing is left half-open.
 */
export const runProcess = async (name: string, services: readonly Type[]): Promise<void> => {
  let running: RunningProcess | undefined;
  let isToEnd = false;
  const onSignal = () => {
    isToEnd = true;
    if (running) end(name, running);
  };
  process.once('SIGINT', onSignal);
  process.once('SIGTERM', onSignal);
  // Who started it with a channel to itself (`npm run distributed`) is gone, perhaps killed.
  process.once('disconnect', onSignal);
  try {
    const stopTracing = await startTracing(name);
    const started = await startProcess(services, readConfiguration(process.env));
    running = { address: started.address, stop: () => started.stop().finally(stopTracing) };
  } catch (error) {
    process.stderr.write(`${name} did not start: ${whyNotStarted(error)}\n`);
    if (!isWaybillError(error)) process.stderr.write(`${(error as Error).stack ?? ''}\n`);
    process.exitCode = 1;
    // What a driver still tries to reach must not keep a process that has said that it failed.
    setTimeout(() => process.exit(1), LAST_WORDS_MS).unref();
    return;
  }
  if (isToEnd) return end(name, running);
  process.stdout.write(`${name} is ready on ${running.address} (docs: ${running.address}/docs)\n`);
};

const end = (name: string, running: RunningProcess): void => {
  setTimeout(() => {
    process.stderr.write(`${name} did not drain within ${SHUTDOWN_MS / 1000} s and ends now\n`);
    process.exit(1);
  }, SHUTDOWN_MS).unref();
  running.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${name} did not stop cleanly: ${messageOf(error)}\n`);
      process.exit(1);
    },
  );
};
