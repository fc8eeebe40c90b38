import { isWaybillError, messageOf } from '@waybill/kernel';
import { backoff, isTransient, pause } from '@waybill/postgres';
import {
  type DeadLetterReason,
  deadLetterTopic,
  type MessageHandler,
  type Observe,
  type OutgoingMessage,
  type ReceivedMessage,
  type SubscriptionOptions,
} from './port.js';

/** What every adapter does with one message, so that retries and dead letters mean the same on each of them. */
export interface Delivery {
  readonly options: SubscriptionOptions;
  readonly handler: MessageHandler;
  readonly publish: (messages: readonly OutgoingMessage[]) => Promise<void>;
  readonly observe: Observe;
}

export interface DeliverySignals {
  /** No further attempt; the one in hand may end. */
  readonly stopping: AbortSignal;
  /** The right to handle the message is gone; handed to the handler. */
  readonly revoked: AbortSignal;
}

const MAX_REASON = 1_000;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** True when the message is settled (handled, dead-lettered or dropped) and its offset may be committed. */
export const deliver = async (
  delivery: Delivery,
  message: ReceivedMessage,
  signals: DeliverySignals,
): Promise<boolean> => {
  const { attempts = 5, backoffMs = FIRST_RETRY_MS, patienceMs = 300_000, ephemeral = false } = delivery.options;
  const startedAt = performance.now();
  let counted = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      await delivery.handler({ ...message, attempt }, signals.revoked);
      return !signals.revoked.aborted;
    } catch (error) {
      if (signals.revoked.aborted) return false;
      if (!isOutage(error) || performance.now() - startedAt > patienceMs) counted += 1;
      const over = AbortSignal.any([signals.stopping, signals.revoked]);
      const reason = reasonOf(error, message, attempt, delivery.options.group);
      if (counted >= attempts || isHopeless(error)) {
        if (!ephemeral && !(await deadLetter(delivery, message, reason, over))) return false;
        delivery.observe({ kind: ephemeral ? 'dropped' : 'dead-lettered', ...reason });
        return true;
      }
      delivery.observe({ kind: 'retrying', ...reason });
      await pause(backoff(attempt, backoffMs, LONGEST_RETRY_MS), over);
      if (over.aborted) return false;
    }
  }
};

/** What is done with messages of one partition. */
export interface Settling<Item> {
  /** With one, as `deliver` answers. */
  readonly alone: (item: Item) => Promise<boolean>;
  /** With several at once, where the subscription takes them so: all or none. */
  readonly together: (items: readonly Item[]) => Promise<void>;
}

/** Settles them in their order; answers how many, counted from the first: all of them, unless it was told to stop. */
export const settleInOrder = async <Item>(
  items: readonly Item[],
  { alone, together }: Settling<Item>,
  { stopping, revoked }: DeliverySignals,
): Promise<number> => {
  const settle = async (some: readonly Item[]): Promise<number> => {
    const [first] = some;
    if (first === undefined || stopping.aborted) return 0;
    if (some.length === 1) return (await alone(first)) ? 1 : 0;
    let part: number;
    try {
      await together(some);
      return revoked.aborted ? 0 : some.length;
    } catch (error) {
      // A bad one is found by halves; an outage is sat out with the first, and then the rest goes together again.
      part = isOutage(error) ? 1 : some.length >> 1;
    }
    const settled = await settle(some.slice(0, part));
    return settled < part ? settled : part + (await settle(some.slice(part)));
  };
  return settle(items);
};

const isOutage = (error: unknown): boolean =>
  isWaybillError(error) ? error.kind === 'unavailable' : isTransient(error);

/** Malformed today, malformed tomorrow. */
const isHopeless = (error: unknown): boolean => isWaybillError(error) && error.kind === 'malformed';

const reasonOf = (error: unknown, message: ReceivedMessage, attempts: number, group: string): DeadLetterReason => ({
  reason: messageOf(error).slice(0, MAX_REASON),
  slug: isWaybillError(error) ? error.slug : 'unexpected-error',
  attempts,
  topic: message.topic,
  partition: message.partition,
  offset: message.offset,
  group,
});

/** The partition cannot go on before the dead letter is durable; false when it was told to stop first. */
const deadLetter = async (
  delivery: Delivery,
  { partition: _partition, offset: _offset, attempt: _attempt, ...message }: ReceivedMessage,
  reason: DeadLetterReason,
  over: AbortSignal,
): Promise<boolean> => {
  for (let failures = 1; !over.aborted; failures++) {
    try {
      await delivery.publish([{ ...message, topic: deadLetterTopic(reason.topic, reason.group), deadLetter: reason }]);
      return true;
    } catch (error) {
      delivery.observe({ kind: 'failed', doing: `writing a dead letter of ${reason.topic}`, error });
      await pause(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), over);
    }
  }
  return false;
};
