import { type Database, migrate, pause, type Wakeups } from '@waybill/postgres';
import { messageTooLarge, topicUnknown } from '../errors.js';
import { partitionOf } from '../partitioner.js';
import {
  deadLetterTopic,
  MAX_MESSAGE_BYTES,
  type MessageBus,
  type Observe,
  type OutgoingMessage,
  type Subscription,
  type TopicDeclaration,
} from '../port.js';
import { messagingMigrations } from './migrations.js';
import { openSubscription, type SubscriptionTimes } from './subscription.js';
import { createTopicLog } from './topic-log.js';

export interface PostgresMessageBusOptions {
  /** Its schema is shared by all services of a deployment. */
  readonly database: Database;
  readonly wakeups: Wakeups;
  readonly observe?: Observe;
  /** No other process uses this log, so that what an earlier one held when it was killed is free at once. */
  readonly soleProcess?: boolean;
  readonly times?: Partial<SubscriptionTimes>;
}

/** Messages of one round trip, and of one transaction. */
const PUBLISH_AT_ONCE = 500;
const SWEEP_EVERY_MS = 3_600_000;
/** Kafka's rule for names. */
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;

/** The bus as a topic log in PostgreSQL. */
export const openPostgresMessageBus = async (options: PostgresMessageBusOptions): Promise<MessageBus> => {
  const { database, wakeups, observe = () => undefined } = options;
  const times: SubscriptionTimes = { leaseMs: 10_000, pollMs: 1_000, graceMs: 15_000, ...options.times };
  await migrate(database, 'messaging', messagingMigrations);
  const log = createTopicLog(database);
  if (options.soleProcess) await log.dismissAll();
  const partitionCounts = new Map<string, number>();
  const subscriptions = new Set<Subscription>();
  const closing = new AbortController();

  const partitionsOf = async (topic: string): Promise<number> => {
    const known = partitionCounts.get(topic) ?? (await log.partitionCount(topic));
    if (known === 0) throw topicUnknown(topic);
    partitionCounts.set(topic, known);
    return known;
  };

  const ensureTopics = async (topics: readonly TopicDeclaration[]): Promise<void> => {
    for (const { name, partitions } of topics) {
      if (!TOPIC.test(name)) throw new Error(`not a topic name: ${name}`);
      if (!Number.isInteger(partitions) || partitions < 1) throw new Error(`not a number of partitions: ${partitions}`);
    }
    await log.ensureTopics(topics);
  };

  const publish = async (messages: readonly OutgoingMessage[]): Promise<void> => {
    const stored = [];
    for (const { topic, ...message } of messages) {
      const body = JSON.stringify(message);
      const bytes = Buffer.byteLength(body);
      // Of a dead letter the message itself was small enough; its reason comes on top.
      if (bytes > MAX_MESSAGE_BYTES && !message.deadLetter) throw messageTooLarge(topic, message.type, bytes);
      stored.push({ topic, partition: partitionOf(message.key, await partitionsOf(topic)), body });
    }
    for (let at = 0; at < stored.length; at += PUBLISH_AT_ONCE)
      await log.publish(stored.slice(at, at + PUBLISH_AT_ONCE));
  };

  /** The first one an hour after the start: by then the groups that are alive have said so. */
  const sweep = async (): Promise<void> => {
    for (;;) {
      await pause(SWEEP_EVERY_MS, closing.signal);
      if (closing.signal.aborted) return;
      await log.sweep().catch((error: unknown) => observe({ kind: 'failed', doing: 'removing old messages', error }));
    }
  };
  const sweeping = sweep();

  return {
    ensureTopics,
    publish,

    async subscribe(subscribed, handler) {
      const { group, topics, ephemeral = false } = subscribed;
      const deadLetters = [];
      for (const topic of topics) {
        deadLetters.push({ name: deadLetterTopic(topic, group), partitions: await partitionsOf(topic) });
      }
      if (!ephemeral) await ensureTopics(deadLetters);
      const subscription = await openSubscription(
        log,
        wakeups,
        { options: subscribed, handler, publish, observe },
        times,
      );
      const tracked: Subscription = {
        async stop() {
          await subscription.stop();
          subscriptions.delete(tracked);
        },
      };
      subscriptions.add(tracked);
      return tracked;
    },

    lag: () => log.lag(),
    checkHealth: () => log.ping(),

    async close() {
      closing.abort();
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
      await sweeping;
    },
  };
};
