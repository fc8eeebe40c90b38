import type { EventStore } from '@waybill/event-store';
import type { MessageBus } from '@waybill/messaging';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { openEmbeddedPostgres } from '@waybill/postgres/embedded';
import { loadMasterKey, openVault, type Vault } from '@waybill/secrets';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.js';
import type { Health } from '../operation/health.js';
import { redactor } from '../operation/logging.js';
import { watchLag } from '../operation/message-metrics.js';
import { openEventLog } from './event-log.js';
import { openMessaging } from './messaging.js';

/** What all services of a process stand on. */
export interface Backbone {
  readonly databaseUrl: string;
  /** Whether no other process can be on this database. */
  readonly soleProcess: boolean;
  readonly wakeups: Wakeups;
  readonly bus: MessageBus;
  readonly vault: Vault;
  /** The log of one service, whose database and categories these are; it is closed with the backbone. */
  openEventStore(database: Database, categories: readonly string[]): Promise<EventStore>;
  watchedBy(health: Health): Health;
  /** Closed with the backbone, before what it stands on: the last opened first. */
  defer(close: () => Promise<void>): void;
  close(): Promise<void>;
}

/** Opens what the configuration names; whatever was opened is closed again when a later part fails. */
export const openBackbone = async (configuration: Configuration): Promise<Backbone> => {
  await using opened = new AsyncDisposableStack();

  const embedded =
    configuration.databaseUrl === undefined
      ? await openEmbeddedPostgres({ folder: join(configuration.dataFolder, 'postgres'), log: () => undefined })
      : undefined;
  if (embedded) opened.defer(() => embedded.stop());
  const databaseUrl = embedded?.url ?? configuration.databaseUrl!;

  const wakeups = openWakeups(databaseUrl);
  opened.defer(() => wakeups.close());

  // Nobody else can be on the embedded database: what a killed process held is free at once.
  const soleProcess = embedded !== undefined;
  const bus = await openMessaging({ configuration, databaseUrl, wakeups, soleProcess }, opened);

  const secrets = await openDatabase({ url: databaseUrl, schema: 'vault', maxConnections: 4 });
  opened.defer(() => secrets.close());
  const masterKey = await loadMasterKey({
    value: configuration.masterKey,
    file: configuration.masterKeyFile,
    generateIn: configuration.dataFolder,
    warn: (text) => process.stderr.write(`${text}\n`),
  });
  const vault = await openVault({ database: secrets, masterKey, onPlainValues: redactor.remember });

  const resources = opened.move();
  const logs = new Map<string, () => Promise<void>>();
  return {
    databaseUrl,
    soleProcess,
    wakeups,
    bus,
    vault,
    openEventStore: async (database, categories) => {
      const { store, checkHealth } = await openEventLog({ configuration, wakeups, database, categories }, resources);
      if (checkHealth) logs.set(database.schema, checkHealth);
      return store;
    },
    watchedBy: (health) => {
      health.add('database', async () => void (await secrets.pool.query('select 1')));
      health.add('messaging', () => bus.checkHealth());
      if (configuration.eventStore.engine === 'eventstoredb') {
        health.add('event store', async () => void (await Promise.all([...logs.values()].map((check) => check()))));
      }
      watchLag(bus);
      return health;
    },
    defer: (close) => resources.defer(close),
    close: () => resources.disposeAsync(),
  };
};
