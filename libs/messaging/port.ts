import type { Scope } from '@waybill/kernel';

/** A CloudEvents 1.0 message (`id`, `type`, `source`, `subject`, `time`, `data`) with Waybill's extension attributes. */
export interface Message extends Scope {
  readonly id: string;
  /** `waybill.<service>.<Name>.v<n>`. */
  readonly type: string;
  /** `/waybill/<service>`. */
  readonly source: string;
  /** The stream it is about. */
  readonly subject: string;
  /** Messages of one key keep their order: `<tenant>/<sandbox>/<stream>`. */
  readonly key: string;
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly data: object;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  /** Where the answer goes, for a command or a question. */
  readonly replyTo?: string;
  /** Only on a dead letter, which is the message itself with this beside its data. */
  readonly deadLetter?: DeadLetterReason;
}

export interface OutgoingMessage extends Message {
  readonly topic: string;
}

export interface ReceivedMessage extends Message {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** 1 for the first delivery. */
  readonly attempt: number;
}

export interface SubscriptionOptions {
  /** Members of one group share the work; each group sees every message. Offsets are kept per group. */
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without an offset starts. `end` is for replies: history is of no use to the asker. Default `beginning`. */
  readonly from?: 'beginning' | 'end';
  /**
   * Deliveries of one message in place before it goes to `<topic>.<group>.dlq`. Default 5.
   * One of kind `malformed` ends them at once. Failures of kind `unavailable` are the system's and not the message's: they do not count until `patienceMs` is over.
   */
  readonly attempts?: number;
  /** Wait before the second delivery, doubled with jitter for each further one, up to 10 s. Default 100 ms. */
  readonly backoffMs?: number;
  /** How long one message is tried again after failures of kind `unavailable`. Default 5 minutes. */
  readonly patienceMs?: number;
  /**
   * The group is of this subscription alone: its offsets are forgotten when it stops or dies, and a message that its handler
   * rejects is dropped instead of dead-lettered.
   */
  readonly ephemeral?: boolean;
  /** For many small messages: takes those of a partition that are there together, so that they share a transaction. */
  readonly together?: Together;
}

export interface Together {
  /** Messages at once. */
  readonly atMost: number;
  /**
   * Messages of one partition, in their order; resolves when all their effects are durable. When it rejects, they are given
   * again in smaller parts, in their order, and one that is left alone goes to the handler of each message: a bad one takes
   * no neighbour with it.
   */
  readonly handler: (messages: readonly ReceivedMessage[], signal: AbortSignal) => Promise<void>;
}

/** Resolves when the effect is durable; a rejection is retried in place, then dead-lettered with its reason. */
export type MessageHandler = (message: ReceivedMessage, signal: AbortSignal) => Promise<void>;

export interface Subscription {
  /** Lets the message in hand end (15 s at most, then its signal is aborted), commits, leaves. */
  stop(): Promise<void>;
}

/** The number of partitions is for ever: another one would send the messages of a key to another partition. */
export interface TopicDeclaration {
  readonly name: string;
  readonly partitions: number;
  /** Older messages are removed. Default 7 days; declaring the topic again changes it. */
  readonly retentionMs?: number;
}

/** Messages of a topic that a group has still to handle. */
export interface GroupLag {
  readonly group: string;
  readonly topic: string;
  readonly messages: number;
}

/**
 * For logs and metrics. `dropped` tells also of messages that were removed before the group had read them (slug
 * `messages-removed`), from `offset` on. `failed`: the bus itself could not reach its server; it tries again by
 * itself.
 */
export type Observation =
  | (DeadLetterReason & { readonly kind: 'retrying' | 'dead-lettered' | 'dropped' })
  | { readonly kind: 'failed'; readonly doing: string; readonly error: unknown };

export type Observe = (observation: Observation) => void;

/**
 * Topics with per-key order, at least once. An offset is committed after the handler resolved.
 * Errors (WaybillError slugs): `topic-unknown` (internal: nobody declared it), `topic-differs` (internal: declared with
 * another number of partitions), `message-too-large` (too-large, over 1 MiB of JSON), `messaging-unavailable` (unavailable;
 * of a publish: the outcome is unknown, publish again).
 */
export interface MessageBus {
  /** Makes the topics that are missing. Nothing else makes a topic. */
  ensureTopics(topics: readonly TopicDeclaration[]): Promise<void>;
  /** Resolves when every message is durable. Messages of one key are stored in the order given. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  /** Resolves when the group's offsets stand: what is published from then on is seen, also with `from: 'end'`. */
  subscribe(options: SubscriptionOptions, handler: MessageHandler): Promise<Subscription>;
  /** Of every group of the deployment, whoever runs it. */
  lag(): Promise<readonly GroupLag[]>;
  /** Rejects with `messaging-unavailable` when the server does not answer. */
  checkHealth(): Promise<void>;
  /** Stops its subscriptions and leaves. */
  close(): Promise<void>;
}

export const MAX_MESSAGE_BYTES = 1024 * 1024;

/** Why and where a message was given up. */
export interface DeadLetterReason {
  readonly reason: string;
  readonly slug: string;
  readonly attempts: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly group: string;
}

export const deadLetterTopic = (topic: string, group: string): string => `${topic}.${group}.dlq`;
