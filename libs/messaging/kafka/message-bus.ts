import { isWaybillError, WaybillError } from '@waybill/kernel';
import { MEMBERSHIPS_TOPIC, MembershipReported } from '@waybill/contracts';
import type { Admin, IHeaders, KafkaMessage } from 'kafkajs';
import { deliver, type Delivery, settleInOrder } from '../delivery.js';
import { messageTooLarge, topicDiffers, topicUnknown } from '../errors.js';
import { partitionOf } from '../partitioner.js';
import {
  deadLetterTopic,
  type GroupLag,
  MAX_MESSAGE_BYTES,
  type MessageBus,
  type MessageHandler,
  type Observe,
  type OutgoingMessage,
  type ReceivedMessage,
  type SubscriptionOptions,
  type TopicDeclaration,
} from '../port.js';
import { deadLetterHeaders, messageOfRecord, recordOf } from './cloud-events.js';
import { connectKafka, type KafkaConnection, reaching, withAdmin } from './connection.js';
import { withinDeadline } from './deadline.js';
import { lagOfGroups } from './lag.js';
import { type AddressedRecord, openSender, type Sender } from './sender.js';
import {
  type KafkaSubscription,
  openSubscription,
  type SubscriptionContext,
  type SubscriptionTimes,
} from './subscription.js';
import { applyTopics, partitionCounts, untilKnown } from './topics.js';

export interface KafkaTimes extends SubscriptionTimes {
  /** How long a publication may take with all its retries. */
  readonly publishMs: number;
}

export interface KafkaMessageBusOptions extends KafkaConnection {
  readonly observe?: Observe | undefined;
  /**
   * False: topics are made by `waybill topics apply` and by nothing else; a missing one, of dead letters too, is an error at
   * the start (`topic-unknown`). Default true, for tests and a cluster of one's own.
   */
  readonly makeTopics?: boolean | undefined;
  /** Copies of each partition of a topic that is made. Default: what the brokers take. */
  readonly replication?: number | undefined;
  /** What a record without a type is, by its topic: a foreign producer may send a key and JSON and nothing else. */
  readonly plainTypes?: Readonly<Record<string, string>> | undefined;
  readonly times?: Partial<KafkaTimes> | undefined;
}

const TIMES: KafkaTimes = {
  sessionMs: 15_000,
  heartbeatMs: 1_000,
  fetchWaitMs: 200,
  graceMs: 15_000,
  troubleMs: 20_000,
  publishMs: 30_000,
};
const PLAIN_TYPES: Readonly<Record<string, string>> = { [MEMBERSHIPS_TOPIC]: MembershipReported.type };
/** All groups and topics of Waybill begin with it, so that a cluster can be shared and rights be given by prefix. */
const PREFIX = 'waybill.';
const HEALTH_MS = 5_000;
/** Who starts right after `waybill topics apply` may ask a broker that has not heard of the topics yet. */
const HEARD_WITHIN_MS = 3_000;
const remedyOf = (topic: string): string =>
  `make it${topic.startsWith(PREFIX) ? ' with `waybill topics apply`' : ''}, and let the user of Kafka see it (DESCRIBE)`;

/**
 * The bus on Kafka. Rejects when no broker is reached (`messaging-unavailable`), the user is not let in
 * (`messaging-refused`) or nobody vouches for the brokers (`messaging-untrusted`).
 */
export const openKafka = async (options: KafkaMessageBusOptions): Promise<MessageBus> => {
  const { observe = () => undefined, makeTopics = true, plainTypes = PLAIN_TYPES } = options;
  const times = { ...TIMES, ...options.times };
  const kafka = connectKafka(options);
  await using opened = new AsyncDisposableStack();
  const admin = kafka.admin();
  opened.defer(() => admin.disconnect());
  await reaching(() => admin.connect());
  const sender = await reaching(() => openSender(options, times.publishMs));
  opened.defer(() => sender.close());
  let foreign: Promise<Sender> | undefined;
  opened.defer(async () => (await foreign?.catch(() => undefined))?.close());
  const subscriptions = new Set<KafkaSubscription>();
  const counts = new Map<string, number>();

  /** Each time on a client of its own: one that is kept asks from then on for every topic that it was asked about. */
  const asking = <T>(work: (ask: Admin) => Promise<T>): Promise<T> => withAdmin(options, work);

  const countsOf = (names: readonly string[]) => asking((ask) => partitionCounts(ask, names));
  const heardOf = (names: readonly string[]) => untilKnown(names, HEARD_WITHIN_MS, () => countsOf(names));

  const partitionsOf = async (topic: string, known = countsOf): Promise<number> => {
    const count = counts.get(topic) ?? (await known([topic])).get(topic);
    if (count === undefined)
      throw topicUnknown(topic, makeTopics && topic.startsWith(PREFIX) ? undefined : remedyOf(topic));
    counts.set(topic, count);
    return count;
  };

  const makeThem = (declarations: readonly TopicDeclaration[]) =>
    asking(async (ask) => {
      // As it says: another broker may not have heard yet of what was made.
      const reports = await applyTopics(ask, declarations, options.replication);
      return new Map(reports.map(({ name, partitions }) => [name, partitions]));
    });

  const ensureTopics = async (declarations: readonly TopicDeclaration[]): Promise<void> => {
    const known = makeTopics ? await makeThem(declarations) : await heardOf(declarations.map(({ name }) => name));
    for (const { name, partitions } of declarations) {
      const existing = known.get(name);
      if (existing === undefined) throw topicUnknown(name, remedyOf(name));
      if (existing !== partitions) throw topicDiffers(name, existing, partitions);
      counts.set(name, existing);
    }
  };

  const addressed = async ({ topic, ...message }: OutgoingMessage): Promise<AddressedRecord> => {
    const record = recordOf(message);
    const bytes = sizeOf(record);
    if (bytes > MAX_MESSAGE_BYTES) throw messageTooLarge(topic, message.type, bytes);
    return {
      topic,
      partition: partitionOf(message.key, counts.get(topic) ?? (await partitionsOf(topic))),
      bytes,
      record,
    };
  };

  /** For answers to topics of others: what is wrong with one, now or later, is no harm to what Waybill tells itself. */
  const sendAbroad = async (records: readonly AddressedRecord[]): Promise<void> => {
    if (records.length === 0) return;
    foreign ??= openSender(options, times.publishMs).catch((error: unknown) => {
      foreign = undefined;
      throw error;
    });
    try {
      await (await foreign).send(records);
    } catch (error) {
      // It may be gone, or be made anew with another number of partitions.
      records.forEach(({ topic }) => counts.delete(topic));
      throw error;
    }
  };

  const publish = (messages: readonly OutgoingMessage[]): Promise<void> =>
    reaching(async () => {
      const records = [];
      for (const message of messages) records.push(await addressed(message));
      await sender.send(records.filter(({ topic }) => topic.startsWith(PREFIX)));
      await sendAbroad(records.filter(({ topic }) => !topic.startsWith(PREFIX)));
    });

  /** The record as it came, with the reason beside its own headers; where the topic does not take it, the reason alone. */
  const sendDeadLetter =
    ({ key, value, headers = {} }: KafkaMessage): Delivery['publish'] =>
    async (letters) => {
      for (const { topic, deadLetter } of letters) {
        if (deadLetter === undefined) continue;
        const partition = partitionOf(key?.toString('utf8') ?? '', counts.get(topic) ?? 1);
        const send = (record: AddressedRecord['record'], bytes: number): Promise<void> =>
          reaching(() => sender.send([{ topic, partition, bytes, record }]));
        const whole = { key, value, headers: { ...withValues(headers), ...deadLetterHeaders(deadLetter) } };
        try {
          await send(whole, (key?.length ?? 0) + (value?.length ?? 0));
        } catch (error) {
          if (!isWaybillError(error) || error.kind !== 'too-large') throw error;
          const reason = `${deadLetter.reason} (Nothing else of it is here: ${topic} takes no message of its size.)`;
          await send({ key: null, value: null, headers: deadLetterHeaders({ ...deadLetter, reason }) }, reason.length);
        }
      }
    };

  const settling = (subscribed: SubscriptionOptions, handler: MessageHandler): SubscriptionContext['settle'] => {
    const delivery = { options: subscribed, handler, observe };
    return (place, records, signals) => {
      const alone = (record: KafkaMessage): Promise<boolean> => {
        const publish = sendDeadLetter(record);
        try {
          const message = messageOfRecord(place, record, plainTypes);
          return deliver({ ...delivery, publish }, message, signals);
        } catch (error) {
          // No message can be made of it, today or tomorrow: it goes the way of a rejected one, without further tries.
          const fault = error instanceof Error ? error : new Error(String(error));
          const unread = { ...place, offset: record.offset, attempt: 1 } as ReceivedMessage;
          const unreadable = { ...delivery, publish, handler: () => Promise.reject(fault) };
          return deliver(unreadable, unread, signals);
        }
      };
      const together = async (some: readonly KafkaMessage[]): Promise<void> => {
        const messages = some.map((record) => messageOfRecord(place, record, plainTypes));
        await subscribed.together?.handler(messages, signals.revoked);
      };
      return settleInOrder(records, { alone, together }, signals);
    };
  };

  const resources = opened.move();
  return {
    ensureTopics,
    publish,

    async subscribe(subscribed, handler) {
      const { group, topics, ephemeral = false } = subscribed;
      const deadLetters = [];
      for (const topic of topics) {
        deadLetters.push({
          name: deadLetterTopic(topic, group),
          partitions: await partitionsOf(topic, heardOf),
        });
      }
      if (!ephemeral) await ensureTopics(deadLetters);
      const subscription = await openSubscription({
        // A client of its own: what kafkajs knows of a group's offsets it keeps once per client, and a consumer that joins
        // empties it, also under the others of its group.
        kafka: connectKafka(options),
        ...{ asking, times, observe },
        groupId: `${PREFIX}${group}`,
        options: subscribed,
        settle: settling(subscribed, handler),
      });
      const tracked: KafkaSubscription = {
        ...subscription,
        async stop() {
          await subscription.stop();
          subscriptions.delete(tracked);
        },
      };
      subscriptions.add(tracked);
      return tracked;
    },

    lag: () => asking((ask): Promise<readonly GroupLag[]> => lagOfGroups(ask, PREFIX)),

    async checkHealth() {
      // One topic of ours: kafkajs takes one of others that has lost its leader for a cluster that is away.
      const topics = [...counts.keys()].filter((topic) => topic.startsWith(PREFIX)).slice(0, 1);
      await reaching(() => withinDeadline(admin.fetchTopicMetadata({ topics }), HEALTH_MS));
      for (const subscription of subscriptions) {
        const trouble = subscription.trouble();
        if (trouble !== undefined) throw new WaybillError('messaging-unavailable', 'unavailable', trouble);
      }
    },

    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
      await resources.disposeAsync();
    },
  };
};

/** kafkajs reads headers without a value, and cannot write them. */
const withValues = (headers: IHeaders): IHeaders =>
  Object.fromEntries(
    Object.entries(headers)
      .map(([name, values]) => [name, [values].flat().filter((value) => (value as unknown) !== null)] as const)
      .filter(([, values]) => values.length > 0),
  ) as IHeaders;

const sizeOf = ({
  key,
  value,
  headers,
}: {
  key: string;
  value: string;
  headers: Readonly<Record<string, string>>;
}): number =>
  Object.entries(headers).reduce(
    (sum, [name, text]) => sum + name.length + Buffer.byteLength(text),
    Buffer.byteLength(key) + Buffer.byteLength(value),
  );
