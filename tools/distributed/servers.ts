import { join } from 'node:path';
import { openKafka, topicsOfDeployment } from '@waybill/messaging/kafka';
import { openEmbeddedPostgres } from '@waybill/postgres/embedded';
import { readConfiguration } from '@waybill/service-kit';
import { startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { fetchJars, startKafka } from '@waybill/testkit/kafka';
import { endWithUs } from '@waybill/testkit/local-process';

/** What the services stand on: each a server that runs already, where the environment names it, else one of our own. */
export const openServers = async (
  given: NodeJS.ProcessEnv,
  folder: string,
  opened: AsyncDisposableStack,
  say: (line: string) => void,
): Promise<NodeJS.ProcessEnv> => {
  const isOurs = (variable: string, engine: string): boolean => !given[variable] && given[engine] !== 'postgres';
  const own = await Promise.all([
    ...(given['DATABASE_URL'] ? [] : [startDatabase(folder, opened)]),
    ...(isOurs('WAYBILL_EVENTSTOREDB_URL', 'WAYBILL_EVENT_STORE') ? [startEventLog(opened)] : []),
    ...(isOurs('WAYBILL_KAFKA_BROKERS', 'WAYBILL_MESSAGING') ? [startBroker(opened)] : []),
  ]);
  own.forEach(({ said }) => say(said));
  const environment = Object.assign({}, given, ...own.map(({ settings }) => settings)) as NodeJS.ProcessEnv;
  await applyTopics(environment);
  return environment;
};

interface Own {
  readonly said: string;
  readonly settings: NodeJS.ProcessEnv;
}

const startDatabase = async (folder: string, opened: AsyncDisposableStack): Promise<Own> => {
  const postgres = await openEmbeddedPostgres({ folder: join(folder, 'postgres'), log: () => undefined });
  opened.defer(() => postgres.stop());
  const callOff = endWithUs(postgres.pid, 'INT');
  opened.defer(() => Promise.resolve(callOff()));
  return { said: 'PostgreSQL: an embedded one', settings: { DATABASE_URL: postgres.url } };
};

const startEventLog = async (opened: AsyncDisposableStack): Promise<Own> => {
  const { url, stop } = await startEventStoreDb();
  opened.defer(() => stop());
  const said = `EventStoreDB: its protocol, served from memory at ${url}; for a genuine one set WAYBILL_EVENTSTOREDB_URL`;
  return { said, settings: { WAYBILL_EVENTSTOREDB_URL: url } };
};

const startBroker = async (opened: AsyncDisposableStack): Promise<Own> => {
  const jars = fetchJars();
  if (!jars.available) {
    throw new Error(
      `there is no Kafka: ${jars.reason}. Or name one that runs in WAYBILL_KAFKA_BROKERS, or set WAYBILL_MESSAGING=postgres.`,
    );
  }
  const kafka = await startKafka(jars.value);
  opened.defer(() => kafka.stop());
  return { said: `Kafka: ${kafka.brokers.join(',')}`, settings: { WAYBILL_KAFKA_BROKERS: kafka.brokers.join(',') } };
};

/** As `waybill topics apply` does: the services themselves make no topic. */
const applyTopics = async (environment: NodeJS.ProcessEnv): Promise<void> => {
  const { messaging } = readConfiguration(environment);
  if (messaging.engine !== 'kafka') return;
  const bus = await openKafka({ ...messaging.kafka, makeTopics: true });
  await bus.ensureTopics(topicsOfDeployment()).finally(() => bus.close());
};
