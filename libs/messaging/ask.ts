import { errorOf, type Problem, problemOf } from '@waybill/contracts';
import { idFrom, isWaybillError, newId, type Scope, topicKey, WaybillError } from '@waybill/kernel';
import { databaseUnavailable, isTransient } from '@waybill/postgres';
import type { MessageBus, MessageHandler, OutgoingMessage, ReceivedMessage } from './port.js';

export interface Question {
  /** `waybill.<service>.<Name>.v<n>`, of the service that answers. */
  readonly type: string;
  readonly data: object;
  readonly scope: Scope;
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  readonly traceparent?: string | undefined;
  /** The stream it is about; questions about one stream are answered in their order. Default: one of its own. */
  readonly subject?: string;
}

/** Asks other services over the bus. */
export interface Asker {
  /**
   * The data of the answer. Rejects with the WaybillError that the other service answered with, or with `no-answer`
   * (unavailable) when none came in time.
   */
  ask(topic: string, question: Question, options: { readonly timeoutMs: number }): Promise<object>;
  /** Questions still open are rejected with `no-answer`. */
  close(): Promise<void>;
}

export interface AskerOptions {
  readonly bus: MessageBus;
  /** The service that asks: answers come to `waybill.<service>.replies`, which must be declared. */
  readonly service: string;
}

const REFUSED = /\.RequestRefused\.v\d+$/;

interface Pending {
  readonly type: string;
  readonly resolve: (data: object) => void;
  readonly reject: (error: Error) => void;
}

/** Every process of a service reads all its answers, by a group of its own that is forgotten with it. */
export const openAsker = async ({ bus, service }: AskerOptions): Promise<Asker> => {
  const replyTo = `waybill.${service}.replies`;
  const pending = new Map<string, Pending>();

  const receive: MessageHandler = (reply) => {
    const waiting = pending.get(reply.causationId ?? '');
    if (REFUSED.test(reply.type)) waiting?.reject(errorOf(reply.data as Problem));
    else waiting?.resolve(reply.data);
    return Promise.resolve();
  };
  const subscription = await bus.subscribe(
    { group: `${service}.replies.${newId()}`, topics: [replyTo], from: 'end', ephemeral: true, attempts: 1 },
    receive,
  );

  return {
    async ask(topic, { scope, subject, causationId, traceparent, ...question }, { timeoutMs }) {
      const id = newId();
      const { promise, resolve, reject } = Promise.withResolvers<object>();
      pending.set(id, { type: question.type, resolve, reject });
      const timer = setTimeout(() => reject(noAnswer(question.type, `within ${timeoutMs / 1000} s`)), timeoutMs);
      const message: OutgoingMessage = {
        ...question,
        ...scope,
        id,
        topic,
        source: `/waybill/${service}`,
        subject: subject ?? id,
        key: topicKey(scope, subject ?? id),
        time: new Date().toISOString(),
        replyTo,
        ...(causationId === undefined ? {} : { causationId }),
        ...(traceparent === undefined ? {} : { traceparent }),
      };
      bus.publish([message]).catch(reject);
      try {
        return await promise;
      } finally {
        clearTimeout(timer);
        pending.delete(id);
      }
    },

    async close() {
      await subscription.stop();
      for (const { type, reject } of pending.values()) reject(noAnswer(type, 'before this process stopped'));
    },
  };
};

const noAnswer = (question: string, when: string): WaybillError =>
  new WaybillError('no-answer', 'unavailable', `No answer to ${question} came ${when}; try again shortly.`, {
    retryAfterSeconds: 2,
  });

export interface AnsweringOptions {
  readonly bus: MessageBus;
  /** The service that answers. */
  readonly service: string;
  /** The asker learns only that it was a defect; here is what. */
  readonly onDefect: (error: unknown, question: ReceivedMessage) => void;
}

/**
 * A message handler that answers to where the question says: `<Name>Answer` with the result as data, or `RequestRefused`
 * with a Problem. Without a `replyTo` nobody waits, and a failure is the bus's to retry and to dead-letter.
 */
export const answer =
  (
    { bus, service, onDefect }: AnsweringOptions,
    handler: (question: ReceivedMessage, signal: AbortSignal) => Promise<object>,
  ): MessageHandler =>
  async (question, signal) => {
    const { replyTo } = question;
    if (replyTo === undefined) return void (await handler(question, signal));
    let body: { readonly type: string; readonly data: object };
    try {
      body = { type: question.type.replace(/(\.v\d+)?$/, 'Answer$1'), data: await handler(question, signal) };
    } catch (thrown) {
      const error = isTransient(thrown) ? databaseUnavailable(thrown) : thrown;
      if (!isWaybillError(error)) onDefect(error, question);
      body = { type: `waybill.${service}.RequestRefused.v1`, data: problemOf(error) };
    }
    if (signal.aborted) return;
    await bus.publish([replyOf(question, service, replyTo, body)]);
  };

const replyOf = (
  { id, tenant, sandbox, subject, key, correlationId, traceparent }: ReceivedMessage,
  service: string,
  topic: string,
  body: { readonly type: string; readonly data: object },
): OutgoingMessage => ({
  ...body,
  id: idFrom(id, 'answer'),
  topic,
  source: `/waybill/${service}`,
  subject,
  key,
  time: new Date().toISOString(),
  tenant,
  sandbox,
  actor: service,
  correlationId,
  causationId: id,
  ...(traceparent === undefined ? {} : { traceparent }),
});
