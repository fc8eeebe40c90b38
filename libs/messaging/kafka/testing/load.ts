import { setTimeout as sleep } from 'node:timers/promises';
import { isWaybillError, newId } from '@waybill/kernel';
import type { MessageBus, OutgoingMessage, ReceivedMessage } from '../../port.js';

/** The `index`-th message of a key; what a test counts by. */
export const numbered = (topic: string, key: string, index: number): OutgoingMessage => ({
  topic,
  key: `acme/prod/${key}`,
  id: newId(),
  type: 'waybill.test.ThingHappened.v1',
  source: '/waybill/test',
  subject: key,
  time: new Date().toISOString(),
  tenant: 'acme',
  sandbox: 'prod',
  actor: 'tester',
  correlationId: newId(),
  data: { index },
});

/** Publishes as a relay does: what may not have been written is published again, before anything else. Answers how often. */
export const publishUntilDone = async (bus: MessageBus, messages: readonly OutgoingMessage[]): Promise<number> => {
  for (let again = 0; ; again += 1) {
    try {
      await bus.publish(messages);
      return again;
    } catch (error) {
      if (!isWaybillError(error) || error.kind !== 'unavailable') throw error;
      await sleep(100);
    }
  }
};

/** `count` messages of each key, `atOnce` of each in one publication. */
export const publishRounds = async (
  bus: MessageBus,
  topic: string,
  { keys, count, atOnce = 1, pauseMs = 0 }: { keys: number; count: number; atOnce?: number; pauseMs?: number },
): Promise<void> => {
  for (let index = 0; index < count; index += atOnce) {
    const round = Array.from({ length: keys * atOnce }, (_, i) =>
      numbered(topic, `key-${i % keys}`, index + Math.floor(i / keys)),
    );
    await publishUntilDone(bus, round);
    if (pauseMs > 0) await sleep(pauseMs);
  }
};

/** What was handled, by key and in the order in which it came for the first time. */
export class Ledger {
  readonly #ofKey = new Map<string, number[]>();
  #deliveries = 0;

  readonly handle = (message: Pick<ReceivedMessage, 'subject' | 'data'>): Promise<void> => {
    this.#deliveries += 1;
    const seen = this.#ofKey.get(message.subject) ?? [];
    this.#ofKey.set(message.subject, seen);
    const { index } = message.data as { readonly index: number };
    if (!seen.includes(index)) seen.push(index);
    return Promise.resolve();
  };

  get deliveries(): number {
    return this.#deliveries;
  }

  get distinct(): number {
    return [...this.#ofKey.values()].reduce((sum, seen) => sum + seen.length, 0);
  }

  /** Keys whose messages did not come in the order 0, 1, 2, … without a gap, as they came. */
  get disordered(): readonly (readonly number[])[] {
    return [...this.#ofKey.values()].filter((seen) => seen.some((index, at) => index !== at));
  }
}

export const eventually = async (holds: () => void | Promise<void>, withinMs = 20_000): Promise<void> => {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return await holds();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(50);
    }
  }
};
