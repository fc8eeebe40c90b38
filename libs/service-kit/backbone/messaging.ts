import { TOPICS } from '@waybill/contracts';
import type { MessageBus } from '@waybill/messaging';
import { openKafka } from '@waybill/messaging/kafka';
import { openPostgresMessageBus } from '@waybill/messaging/postgres';
import { openDatabase, type Wakeups } from '@waybill/postgres';
import type { Configuration } from '../config/configuration.js';
import { observeMessages } from '../operation/message-metrics.js';

export interface MessagingOptions {
  readonly configuration: Configuration;
  readonly databaseUrl: string;
  readonly wakeups: Wakeups;
  readonly soleProcess: boolean;
}

/** What services speak over: Kafka, or tables in the database. Every topic is there, or this rejects. */
export const openMessaging = async (options: MessagingOptions, opened: AsyncDisposableStack): Promise<MessageBus> => {
  const { messaging } = options.configuration;
  const bus =
    messaging.engine === 'kafka'
      ? await openKafka({ ...messaging.kafka, observe: observeMessages, makeTopics: false })
      : await openPostgresOf(options, opened);
  opened.defer(() => bus.close());
  await bus.ensureTopics(TOPICS);
  return bus;
};

const openPostgresOf = async (
  { databaseUrl, wakeups, soleProcess }: MessagingOptions,
  opened: AsyncDisposableStack,
): Promise<MessageBus> => {
  const database = await openDatabase({ url: databaseUrl, schema: 'messaging' });
  opened.defer(() => database.close());
  return openPostgresMessageBus({ database, wakeups, observe: observeMessages, soleProcess });
};
