import { type CommandContext, type DomainEvent, idFrom, isUuid, WaybillError } from '@waybill/kernel';
import { type ExpectedRevision, MAX_APPEND_BYTES, MAX_EVENT_BYTES, type NewEvent } from './port.js';

/** The events of one decision, with the ids and metadata that make a retried append the same append. */
export const toNewEvents = (
  stream: string,
  events: readonly DomainEvent[],
  context: CommandContext,
): readonly NewEvent[] =>
  events.map(({ type, data }, index) => ({
    id: idFrom(stream, context.commandId, index),
    type,
    data,
    metadata: {
      tenant: context.tenant,
      sandbox: context.sandbox,
      actor: context.actor,
      correlationId: context.correlationId,
      causationId: context.commandId,
      occurredAt: context.at,
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    },
  }));

/** An event as text, measured. */
export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: string;
  readonly metadata: string;
}

/** Refuses, before it leaves, what some engine would not take or would answer wrongly. */
export const encodeEvents = (stream: string, events: readonly NewEvent[]): readonly EncodedEvent[] => {
  checkStream(stream);
  if (events.length === 0) throw malformed('An append needs at least one event.');
  const ids = new Set(events.map(({ id }) => id));
  if (ids.size < events.length) throw malformed(`Two events of one append to ${stream} have the same id.`);
  const encoded = events.map(encode);
  const bytes = encoded.reduce(
    (sum, { data, metadata }) => sum + Buffer.byteLength(data) + Buffer.byteLength(metadata),
    0,
  );
  if (bytes > MAX_APPEND_BYTES) {
    throw tooLarge(
      `The ${events.length} events of this append take ${bytes} bytes; at most ${MAX_APPEND_BYTES} go in one append.`,
    );
  }
  return encoded;
};

const encode = ({ id, type, data, metadata }: NewEvent): EncodedEvent => {
  if (!isUuid(id)) throw malformed(`The id of an event is a UUID; ${JSON.stringify(id)} is none.`);
  if (!NAME.test(type))
    throw malformed(`The type of an event is a word such as AccountConnected.v2; ${JSON.stringify(type)} is none.`);
  const json = JSON.stringify(data);
  const bytes = Buffer.byteLength(json);
  if (bytes > MAX_EVENT_BYTES) {
    throw tooLarge(
      `The event ${type} takes ${bytes} bytes of JSON; at most ${MAX_EVENT_BYTES} are kept. Keep large things elsewhere and name them.`,
    );
  }
  return { id: id.toLowerCase(), type, data: json, metadata: JSON.stringify(metadata) };
};

/** Printable, without blanks, at most 250 characters. */
const NAME = /^[\p{L}\p{N}\p{P}\p{S}]{1,250}$/u;

/** `<category>-<id>`; names that begin with `$` belong to the engines. */
export const checkStream = (stream: string): void => {
  if (NAME.test(stream) && !stream.startsWith('$') && stream.indexOf('-') > 0) return;
  throw malformed(`A stream is named <category>-<id>; ${JSON.stringify(stream)} is not.`);
};

export const checkExpected = (expected: ExpectedRevision): ExpectedRevision => {
  if (expected === 'no-stream' || (Number.isSafeInteger(expected) && expected >= 0)) return expected;
  throw malformed(`A revision is a whole number from 0; ${expected} is none.`);
};

const malformed = (detail: string): WaybillError => new WaybillError('event-malformed', 'malformed', detail);
const tooLarge = (detail: string): WaybillError => new WaybillError('event-too-large', 'too-large', detail);
