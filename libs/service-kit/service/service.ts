import { Logger } from '@nestjs/common';
import {
  type AnswerOf,
  commandsTopic,
  contractOf,
  type DataOf,
  type MessageContract,
  type QuestionContract,
  readMessage,
  type Service as ServiceName,
  writeMessage,
} from '@waybill/contracts';
import { type EventStore, handleCommand, type StreamType } from '@waybill/event-store';
import {
  type CommandContext,
  type DomainEvent,
  idFrom,
  isWaybillError,
  type Scope,
  topicKey,
  WaybillError,
} from '@waybill/kernel';
import {
  answer,
  type Asker,
  openAsker,
  openRelay,
  type Message,
  type ReceivedMessage,
  type Relay,
  type Subscription,
  type Together,
} from '@waybill/messaging';
import { type Database, freeLeases, leaseMigrations, migrate, openDatabase } from '@waybill/postgres';
import { openProjections, type Projections } from '@waybill/projections';
import type { Backbone } from '../backbone/backbone.js';
import { forgetOldOutcomes, idempotencyMigrations } from '../http/idempotency.interceptor.js';
import { translator } from '../messages/publication.js';
import type { Health } from '../operation/health.js';
import { loggedFor } from '../operation/log-context.js';
import { watchService } from '../operation/service-metrics.js';
import { observed } from '../operation/observed.js';
import { activeTraceparent } from '../operation/tracing.js';
import type { Answerer, Listener, ServiceDefinition } from './definition.js';
import { loadStream } from './load-stream.js';

/** A stream as it stands. */
export interface Loaded<State> {
  readonly state: State;
  readonly revision: number;
  readonly position: string;
  /** Time, actor and correlation of its first event. */
  readonly createdAt: string;
  readonly createdBy: string;
  readonly correlationId: string;
  /** For spans of work that follows from it later. */
  readonly traceparent?: string | undefined;
}

export interface Executed<State> {
  readonly state: State;
  readonly revision: number;
  readonly position: string;
}

const ASK_MS = 10_000;
const ASK_AGAIN_MS = 100;
/** How often a waiting request looks at a stream though nothing was announced. */
const LOOK_MS = 250;
const SWEEP_MS = 3_600_000;

/** What the slices of one service work with: its log, its read models, and the other services by message. */
export interface Service {
  readonly name: string;
  readonly database: Database;
  readonly store: EventStore;
  /** Reads, decides, appends. The stream must be of the command's tenant and sandbox, or new. */
  execute<State, Command, Event extends DomainEvent>(
    type: StreamType<State, Command, Event>,
    stream: string,
    command: Command,
    context: CommandContext,
  ): Promise<Executed<State>>;
  /** The state of a stream of this tenant and sandbox; the initial state when there is none, or when it is somebody else's. */
  load<State, Command, Event extends DomainEvent>(
    type: StreamType<State, Command, Event>,
    stream: string,
    scope: Scope,
  ): Promise<Loaded<State>>;
  /** Waits until the stream is as asked; undefined when the time is over first, or the process is to end. */
  settled<State, Command, Event extends DomainEvent>(
    type: StreamType<State, Command, Event>,
    stream: string,
    scope: Scope,
    isSettled: (state: State) => boolean,
    waitMs: number,
  ): Promise<Loaded<State> | undefined>;
  /** Asks another service; its refusal comes out as the WaybillError that it is. */
  ask<Question extends QuestionContract>(
    question: Question,
    data: DataOf<Question>,
    cause: Cause,
  ): Promise<AnswerOf<Question>>;
  /** Asks again until the answer is as wanted; undefined when the time is over first, or the process is to end. */
  askUntil<Question extends QuestionContract>(
    question: Question,
    data: DataOf<Question>,
    cause: Cause,
    isWanted: (answer: AnswerOf<Question>) => boolean,
    waitMs: number,
  ): Promise<AnswerOf<Question> | undefined>;
  /** Sends a command to another service. The same cause and subject give the same message, so a retry is no second command. */
  send<Contract extends MessageContract>(
    contract: Contract,
    data: DataOf<Contract>,
    cause: Cause,
    subject: string,
  ): Promise<void>;
  /** Waits until every read model has seen everything up to a position; `head` is now. */
  readModelsReach(position: string | 'head', waitMs: number): Promise<void>;
  start(listeners: readonly Listener[], answerers: readonly Answerer[]): Promise<void>;
  /** What requests wait for does not happen in this process any more: they are answered with what there is. */
  stopWaiting(): void;
  stop(): Promise<void>;
}

/** The command or message that something follows from. */
export type Cause = CommandContext | Message;

const isMessage = (cause: Cause): cause is Message => 'source' in cause;

/** What tells a message from all others. Waybill's own ids are drawn; those of others are unique within their source. */
const identityOf = ({ id, source }: Message): readonly string[] =>
  source.startsWith('/waybill/') ? [id] : [source, id];

/** The context of a command that follows from a message: the same each time the message is delivered. */
export const contextAfter = (message: Message, ...parts: readonly string[]): CommandContext => ({
  tenant: message.tenant,
  sandbox: message.sandbox,
  actor: message.actor,
  commandId: idFrom(...identityOf(message), ...parts),
  at: new Date().toISOString(),
  correlationId: message.correlationId,
  causationId: message.id,
  ...traceOf(message),
});

/** The span that is active, or where tracing is off what came along. */
const traceOf = (cause: Cause): { readonly traceparent?: string } => {
  const traceparent = activeTraceparent() ?? cause.traceparent;
  return traceparent === undefined ? {} : { traceparent };
};

export const openService = async (
  definition: ServiceDefinition,
  backbone: Backbone,
  health: Health,
): Promise<Service> => {
  const { name } = definition;
  const log = new Logger(name);
  const database = await openDatabase({ url: backbone.databaseUrl, schema: name });
  backbone.defer(() => database.close());
  await migrate(database, 'leases', leaseMigrations);
  if (backbone.soleProcess) await freeLeases(database);
  await migrate(database, 'command outcomes', idempotencyMigrations);
  if (definition.migrations) await migrate(database, name, definition.migrations);
  const published = definition.publications.map(({ streamType }) => streamType.category);
  const projected = definition.projections.flatMap(({ categories }) => categories);
  const store = await backbone.openEventStore(database, [...new Set([...published, ...projected])]);
  const projections: Projections = await openProjections({
    database,
    store,
    projections: definition.projections,
  });
  let asker: Asker | undefined;
  let relay: Relay | undefined;
  let sweeping: NodeJS.Timeout | undefined;
  let isStopping = false;
  const subscriptions: Subscription[] = [];
  watchService(health, name, { projections, relay: () => relay });

  const load: Service['load'] = async (type, stream, scope) => {
    const { state, revision, first, last } = await loadStream(store, type, stream);
    if (!first || !last || !isOf(scope, first.metadata)) {
      return {
        state: type.decider.initialState,
        revision: -1,
        position: store.start,
        createdAt: '',
        createdBy: '',
        correlationId: '',
      };
    }
    const { occurredAt: createdAt, actor: createdBy, correlationId, traceparent } = first.metadata;
    return { state, revision, position: last.position, createdAt, createdBy, correlationId, traceparent };
  };

  const ask: Service['ask'] = async (question, data, cause) => {
    if (!asker)
      throw new WaybillError('service-starting', 'unavailable', 'The service is starting; try again shortly.', {
        retryAfterSeconds: 1,
      });
    const body = writeMessage(question, data as never);
    const answered = await asker.ask(
      body.topic!,
      {
        type: body.type,
        data: body.data,
        scope: { tenant: cause.tenant, sandbox: cause.sandbox },
        actor: cause.actor,
        correlationId: cause.correlationId,
        causationId: isMessage(cause) ? cause.id : cause.commandId,
        ...traceOf(cause),
      },
      { timeoutMs: ASK_MS },
    );
    return readMessage(question.answer, answered) as never;
  };

  return {
    name,
    database,
    store,
    load,
    ask: (question, data, cause) =>
      observed({ service: name, kind: 'question', what: question.type, parent: cause.traceparent }, () =>
        ask(question, data, cause),
      ),

    execute(type, stream, command, context) {
      const { type: what = type.category } = command as { readonly type?: string };
      return observed({ service: name, kind: 'command', what, parent: context.traceparent }, async () => {
        const following = { ...context, ...traceOf(context) };
        const { state, revision, position } = await handleCommand(store, type, stream, command, following);
        return { state, revision, position };
      });
    },

    async settled(type, stream, scope, isSettled, waitMs) {
      const deadline = Date.now() + waitMs;
      for (;;) {
        const heard = nextAppend(store, LOOK_MS);
        const loaded = await load(type, stream, scope);
        if (isSettled(loaded.state)) return loaded;
        if (isStopping || Date.now() >= deadline) return undefined;
        await heard;
      }
    },

    async askUntil(question, data, cause, isWanted, waitMs) {
      const deadline = Date.now() + waitMs;
      for (;;) {
        const answered = await ask(question, data, cause).catch((error: unknown) => {
          // Not there yet is no answer; anything else is, but for what comes of our own end.
          if (isStopping || (isWaybillError(error) && error.kind === 'not-found')) return undefined;
          throw error;
        });
        if (answered && isWanted(answered)) return answered;
        if (isStopping || Date.now() >= deadline) return undefined;
        await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
      }
    },

    async send(contract, data, cause, subject) {
      const body = writeMessage(contract, data as never);
      const causationId = isMessage(cause) ? cause.id : cause.commandId;
      await backbone.bus.publish([
        {
          ...body,
          source: `/waybill/${name}`,
          topic: body.topic!,
          id: idFrom(causationId, body.type, subject),
          subject,
          key: topicKey(cause, subject),
          time: new Date().toISOString(),
          tenant: cause.tenant,
          sandbox: cause.sandbox,
          actor: cause.actor,
          correlationId: cause.correlationId,
          causationId,
          ...traceOf(cause),
        },
      ]);
    },

    async readModelsReach(position, waitMs) {
      const target = position === 'head' ? await store.head() : position;
      await projections.waitForAll(target, waitMs);
    },

    async start(listeners, answerers) {
      await projections.start();
      // What a failed sweep leaves, the next one takes.
      sweeping = setInterval(() => void forgetOldOutcomes(database).catch(() => undefined), SWEEP_MS);
      asker = await openAsker({ bus: backbone.bus, service: name });
      relay = await openRelay({
        store,
        database,
        bus: backbone.bus,
        name,
        translate: translator(store, definition.publications),
        onChange: ({ state, lastError }) => {
          if (state === 'blocked') log.warn(`publishing is blocked and tried again: ${lastError}`);
        },
      });
      for (const { topics, together, sharing } of subscriptionsOf(listeners)) {
        const options = { group: name, topics, ...(together && { together: followedTogether(name, together) }) };
        subscriptions.push(await backbone.bus.subscribe(options, followed(name, dispatch(sharing))));
      }
      if (answerers.length > 0) {
        const onDefect = (error: unknown, { type }: Message) => log.error({ err: error }, `answering ${type} failed`);
        const handler = answer({ bus: backbone.bus, service: name, onDefect }, followed(name, answerWith(answerers)));
        const topic = commandsTopic(name as ServiceName);
        subscriptions.push(await backbone.bus.subscribe({ group: name, topics: [topic] }, handler));
      }
    },

    stopWaiting() {
      isStopping = true;
    },

    async stop() {
      clearInterval(sweeping);
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      await relay?.stop();
      await asker?.close();
      await projections.stop();
    },
  };
};

/** What handles a message goes on in the trace that the message is part of, and is logged for its owner. */
const followed =
  <T>(service: string, handle: (message: ReceivedMessage, signal: AbortSignal) => Promise<T>) =>
  (message: ReceivedMessage, signal: AbortSignal): Promise<T> =>
    loggedFor(message, () =>
      observed({ service, kind: 'message', what: message.type, parent: message.traceparent }, () =>
        handle(message, signal),
      ),
    );

/** They are of many traces, and so go on in none. */
const followedTogether = (service: string, { atMost, handler }: Together): Together => ({
  atMost,
  handler: (messages, signal) =>
    observed(
      { service, kind: 'message', what: messages[0]?.type ?? '', parent: undefined, count: messages.length },
      () => handler(messages, signal),
    ),
});

const isOf = (scope: Scope, owner: Scope): boolean => scope.tenant === owner.tenant && scope.sandbox === owner.sandbox;

const topicOf = (type: string): string => {
  const topic = contractOf(type)?.topic;
  if (!topic) throw new Error(`no contract names a topic for ${type}`);
  return topic;
};

interface ListenersOfTopics {
  readonly topics: readonly string[];
  readonly together?: Together | undefined;
  readonly sharing: readonly Listener[];
}

/** One for each listener that takes messages together, and one for all the others: within a group a topic is read once. */
const subscriptionsOf = (listeners: readonly Listener[]): readonly ListenersOfTopics[] => {
  const topicsOf = (some: readonly Listener[]) => [...new Set(some.flatMap(({ listensTo }) => listensTo).map(topicOf))];
  const apart = listeners.filter(({ together }) => together !== undefined).map((listener) => [listener]);
  const shared = listeners.filter(({ together }) => together === undefined);
  const all = [shared, ...apart].map((sharing) => ({
    topics: topicsOf(sharing),
    sharing,
    together: sharing[0]?.together,
  }));
  const topics = all.flatMap((each) => each.topics);
  const twice = topics.find((topic, index) => topics.indexOf(topic) !== index);
  if (twice !== undefined)
    throw new Error(`${twice} is read by a listener that takes its messages together, and by another`);
  return all.filter((each) => each.topics.length > 0);
};

const dispatch =
  (listeners: readonly Listener[]) =>
  async (message: ReceivedMessage, signal: AbortSignal): Promise<void> => {
    for (const listener of listeners) {
      if (listener.listensTo.includes(message.type)) await listener.receive(message, signal);
    }
  };

const answerWith =
  (answerers: readonly Answerer[]) =>
  (message: ReceivedMessage, signal: AbortSignal): Promise<object> => {
    const found = answerers.find(({ answers }) => answers === message.type);
    if (found) return found.answer(message, signal);
    throw new WaybillError('message-type-unknown', 'malformed', `This service takes no ${message.type} messages.`);
  };

const nextAppend = (store: EventStore, atMostMs: number): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      unhear();
      resolve();
    };
    const timer = setTimeout(done, atMostMs);
    const unhear = store.onAppended(done);
  });
