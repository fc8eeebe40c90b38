import { TOPICS } from '@waybill/contracts';
import type { MessageBus } from '@waybill/messaging';
import { openPostgresMessageBus } from '@waybill/messaging/postgres';
import { openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { openEmbeddedPostgres } from '@waybill/postgres/embedded';
import { loadMasterKey, openVault, type Vault } from '@waybill/secrets';
import { join } from 'node:path';
import type { Configuration } from '../config/configuration.js';
import type { Health } from '../operation/health.js';
import { redactor } from '../operation/logging.js';
import { observeMessages, watchLag } from '../operation/message-metrics.js';

/** What all services of a process stand on. */
export interface Backbone {
  readonly databaseUrl: string;
  /** Whether no other process can be on this database. */
  readonly soleProcess: boolean;
  readonly wakeups: Wakeups;
  readonly bus: MessageBus;
  readonly vault: Vault;
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

  const messages = await openDatabase({ url: databaseUrl, schema: 'messaging' });
  opened.defer(() => messages.close());
  // Nobody else can be on the embedded database: what a killed process held is free at once.
  const soleProcess = embedded !== undefined;
  const bus = await openPostgresMessageBus({ database: messages, wakeups, observe: observeMessages, soleProcess });
  opened.defer(() => bus.close());
  await bus.ensureTopics(TOPICS);

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
  return {
    databaseUrl,
    soleProcess,
    wakeups,
    bus,
    vault,
    watchedBy: (health) => {
      health.add('database', async () => void (await messages.pool.query('select 1')));
      health.add('messaging', () => bus.checkHealth());
      watchLag(bus);
      return health;
    },
    defer: (close) => resources.defer(close),
    close: () => resources.disposeAsync(),
  };
};
