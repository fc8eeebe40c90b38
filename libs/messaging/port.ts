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
  /** Deliveries of one message in place before it goes to `<topic>.<group>.dlq`. Default 5. */
  readonly attempts?: number;
  /** Wait before the second delivery, doubled with jitter for each further one. Default 100 ms. */
  readonly backoffMs?: number;
}

/** Resolves when the effect is durable; a rejection is retried in place, then dead-lettered with its reason. */
export type MessageHandler = (message: ReceivedMessage, signal: AbortSignal) => Promise<void>;

export interface Subscription {
  /** Lets the message in hand end, commits, leaves. */
  stop(): Promise<void>;
}

/**
 * Topics with per-key order, at least once. An offset is committed after the handler resolved.
 * Errors (WaybillError slugs): `topic-unknown` (internal), `message-too-large` (too-large), `messaging-unavailable` (unavailable).
 */
export interface MessageBus {
  /** Resolves when every message is durable. Messages of one key are stored in the order given. */
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
  subscribe(options: SubscriptionOptions, handler: MessageHandler): Promise<Subscription>;
  close(): Promise<void>;
}

/** A dead letter is the message itself with these beside its data. */
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
