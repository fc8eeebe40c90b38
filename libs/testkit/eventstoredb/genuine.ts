import { type Availability, available, unavailable } from '../availability/index.js';
import { hasDockerEngine } from '../docker/index.js';

/** A genuine EventStoreDB, wherever it runs; it need not be empty. */
export interface GenuineEventStoreDb {
  readonly url: string;
  stop(): Promise<void>;
}

/** That of `WAYBILL_TEST_EVENTSTOREDB_URL`, else one in a container. There is no package of it for any system. */
export const findEventStoreDb = (): Availability<() => Promise<GenuineEventStoreDb>> => {
  const url = process.env['WAYBILL_TEST_EVENTSTOREDB_URL'];
  if (url) return available(() => Promise.resolve({ url, stop: () => Promise.resolve() }));
  if (hasDockerEngine()) return available(startInDocker);
  return unavailable('WAYBILL_TEST_EVENTSTOREDB_URL names none, and no Docker engine answers');
};

const PORT = 2113;

const startInDocker = async (): Promise<GenuineEventStoreDb> => {
  const { GenericContainer, Wait } = await import('testcontainers');
  const container = await new GenericContainer('eventstore/eventstore:23.10.1-jammy')
    .withExposedPorts(PORT)
    .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_MEM_DB: 'true', EVENTSTORE_CLUSTER_SIZE: '1' })
    .withWaitStrategy(Wait.forHttp('/health/live', PORT).forStatusCode(204))
    .start();
  return {
    url: `esdb://${container.getHost()}:${container.getMappedPort(PORT)}?tls=false`,
    stop: async () => void (await container.stop()),
  };
};
