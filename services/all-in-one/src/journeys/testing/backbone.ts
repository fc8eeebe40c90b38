import { fileURLToPath } from 'node:url';
import type { MessageBus } from '@waybill/messaging';
import { openKafka } from '@waybill/messaging/kafka';
import { openPostgresMessageBus } from '@waybill/messaging/postgres';
import { openDatabase, openWakeups } from '@waybill/postgres';
import { type EventStoreDbServer, startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { emptyKafka, readKafka } from '@waybill/testkit/kafka';

/** What a Waybill of a test runs on, beside its database. */
export interface Backbone {
  /** What users run; `npm run build` makes it. */
  readonly main: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Whether it is several processes, to be signalled as one. */
  readonly isGroup: boolean;
  readonly eventStore: EventStoreDbServer | undefined;
  /** The bus that its services speak on, for an internal service beside them; its `close` closes all that was opened for it. */
  openBus(databaseUrl: string): Promise<MessageBus>;
  /** What it records and says outside of its database, as text. */
  texts(): Promise<Readonly<Record<string, string>>>;
  close(): Promise<void>;
}

const builtAt = (path: string): string => fileURLToPath(new URL(`../../../../../${path}`, import.meta.url));

/** All services in one process, on PostgreSQL alone. */
const embedded = (): Backbone => ({
  main: builtAt('services/all-in-one/dist/main.js'),
  environment: {},
  isGroup: false,
  eventStore: undefined,
  async openBus(url) {
    const database = await openDatabase({ url, schema: 'messaging' });
    const wakeups = openWakeups(url);
    const bus = await openPostgresMessageBus({ database, wakeups });
    const close = async () => {
      await bus.close();
      await wakeups.close();
      await database.close();
    };
    return { ...bus, close };
  },
  texts: () => Promise.resolve({}),
  close: () => Promise.resolve(),
});

/** A process for each service behind one address: on the tier's Kafka, emptied first, and an EventStoreDB of its own. */
const distributed = async (brokers: string, isFirst: boolean): Promise<Backbone> => {
  const eventStore = await startEventStoreDb();
  if (isFirst) await emptyKafka(brokers.split(','));
  return {
    main: builtAt('tools/dist/distributed/main.js'),
    environment: { WAYBILL_KAFKA_BROKERS: brokers, WAYBILL_EVENTSTOREDB_URL: eventStore.url },
    isGroup: true,
    eventStore,
    openBus: () => openKafka({ brokers: brokers.split(',') }),
    texts: async () => ({
      ...(await readKafka(brokers.split(','))),
      EventStoreDB: eventStore.log.events
        .flatMap(({ data, metadata }) => [data, metadata])
        .map((bytes) => Buffer.from(bytes).toString('utf8'))
        .join('\n'),
    }),
    close: () => eventStore.stop(),
  };
};

/** That of the tier that runs: journeys know nothing of it. `isFirst`: no other Waybill runs on it. */
export const openBackbone = async ({ isFirst }: { readonly isFirst: boolean }): Promise<Backbone> => {
  if (process.env['WAYBILL_TEST_BACKBONE'] !== 'distributed') return embedded();
  const brokers = process.env['WAYBILL_TEST_DISTRIBUTED_BROKERS'] ?? process.env['WAYBILL_TEST_KAFKA_BROKERS'];
  if (!brokers) throw new Error('separate services need a Kafka: run `npm test -- --selectProjects distributed`');
  return distributed(brokers, isFirst);
};
