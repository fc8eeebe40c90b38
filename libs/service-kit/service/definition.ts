import type { ReceivedMessage, Together } from '@waybill/messaging';
import type { Migration } from '@waybill/postgres';
import type { Projection } from '@waybill/projections';
import type { Publications } from '../messages/publication.js';

/** What makes a service a service, beside its routes and handlers. */
export interface ServiceDefinition {
  /** Names its database schema, its topics and its consumer group. */
  readonly name: string;
  readonly projections: readonly Projection[];
  /** Which of its events leave the service, and how they look outside: an allow-list. */
  readonly publications: readonly Publications[];
  /** Own tables beside the event log and the read models. */
  readonly migrations?: readonly Migration[];
}

/** Reacts to other services' events. The effect must be the same when a message comes twice. */
export interface Listener {
  /** Message types, `waybill.validation.CredentialsValidated.v1`; their topics follow from them. */
  readonly listensTo: readonly string[];
  receive(message: ReceivedMessage, signal: AbortSignal): Promise<void>;
  /** For many small messages: those of a partition that are there, as a subscription's `together`. No other listener may read the same topics. */
  readonly together?: Together;
}

/** Answers a question or command that another service sends to this one's command topic. */
export interface Answerer {
  readonly answers: string;
  answer(message: ReceivedMessage, signal: AbortSignal): Promise<object>;
}

/** Work of its own, such as a scheduler: started with the service, and stopped before it. */
export interface Worker {
  start(): Promise<void> | void;
  stop(): Promise<void>;
}
