import { type Service, SERVICES } from '@waybill/contracts';
import type { Configuration } from '@waybill/service-kit';
import { createFront } from './front/front.js';
import { createLog } from './log.js';
import { type ServiceProcess, startService } from './service-process.js';

export interface Stack {
  /** Of the front: the whole HTTP contract. */
  readonly address: string;
  /** Lets everything drain at once; true when all of it ended well. */
  stop(): Promise<boolean>;
}

export interface StackOptions {
  readonly configuration: Configuration;
  /** What every service is configured with, but for its port. */
  readonly environment: NodeJS.ProcessEnv;
  /** Processes of each service. */
  readonly replicas: number;
  /** Aborted when it is to stop, perhaps before it is ready. */
  readonly signal: AbortSignal;
}

/** A process for each service, and before them one address; resolves when all of them take requests. */
export const startStack = async ({ configuration, environment, replicas, signal }: StackOptions): Promise<Stack> => {
  const processes = portsOf(configuration.port, replicas).map(([service, port]) =>
    startService({ service, environment: { ...environment, WAYBILL_PORT: String(port) }, log: createLog(service) }),
  );
  const front = createFront(configuration, { addressesOf: (service) => addressesOf(service, processes) });
  const stop = async (): Promise<boolean> => {
    const ended = await Promise.all(processes.map((process) => process.stop()));
    // After them: by now the last answers and streams have passed through it, and no connection is in use.
    await front.close();
    return ended.every((well) => well);
  };
  try {
    await Promise.race([Promise.all(processes.map(({ ready }) => ready)), interruption(signal)]);
    await front.listen({ host: configuration.host, port: configuration.port });
  } catch (error) {
    await stop();
    throw error;
  }
  const { port } = front.server.address() as { port: number };
  const host = configuration.host.includes(':') ? `[${configuration.host}]` : configuration.host;
  return { address: `http://${host}:${port}`, stop };
};

const interruption = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    const interrupt = () => reject(new Error('it was interrupted'));
    if (signal.aborted) interrupt();
    else signal.addEventListener('abort', interrupt, { once: true });
  });

/** The ports after that of the front, one for each process; free ones where the front takes a free one. */
const portsOf = (first: number, replicas: number): readonly (readonly [Service, number])[] =>
  Array.from({ length: replicas }, () => SERVICES)
    .flat()
    .map((service, index) => [service, first === 0 ? 0 : first + 1 + index] as const);

const addressesOf = (service: Service, processes: readonly ServiceProcess[]): readonly string[] =>
  processes.flatMap((process) => (process.service === service ? (process.address() ?? []) : []));
