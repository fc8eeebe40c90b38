import { idFrom, isScopeName, SCOPE_NAME_RULE, WaybillError } from '@waybill/kernel';
import type { IHeaders } from 'kafkajs';
import type { DeadLetterReason, Message, ReceivedMessage } from '../port.js';

/** A message as Kafka carries it: CloudEvents 1.0, Kafka protocol binding, binary mode. */
export interface KafkaRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What comes in; from other systems with as little as a key and JSON. */
export interface IncomingRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers?: IHeaders | undefined;
  /** Milliseconds since 1970. */
  readonly timestamp: string;
  readonly offset: string;
}

const HEADERS = {
  id: 'ce_id',
  type: 'ce_type',
  source: 'ce_source',
  subject: 'ce_subject',
  time: 'ce_time',
  tenant: 'ce_tenant',
  sandbox: 'ce_sandbox',
  actor: 'ce_actor',
  correlationId: 'ce_correlationid',
  causationId: 'ce_causationid',
  traceparent: 'ce_traceparent',
  replyTo: 'ce_replyto',
} as const satisfies Partial<Record<keyof Message, string>>;
type Attribute = keyof typeof HEADERS;

const DEAD_LETTER_HEADERS: Readonly<Record<keyof DeadLetterReason, string>> = {
  reason: 'ce_deadletterreason',
  slug: 'ce_deadletterslug',
  attempts: 'ce_deadletterattempts',
  topic: 'ce_deadlettertopic',
  partition: 'ce_deadletterpartition',
  offset: 'ce_deadletteroffset',
  group: 'ce_deadlettergroup',
};

export const recordOf = (message: Message): KafkaRecord => {
  const headers: Record<string, string> = { ce_specversion: '1.0', 'content-type': 'application/json' };
  for (const [attribute, header] of Object.entries(HEADERS)) {
    const value = message[attribute as Attribute];
    if (value !== undefined) headers[header] = value;
  }
  return {
    key: message.key,
    value: JSON.stringify(message.data),
    headers: message.deadLetter ? { ...headers, ...deadLetterHeaders(message.deadLetter) } : headers,
  };
};

export const deadLetterHeaders = (reason: DeadLetterReason): Record<string, string> =>
  Object.fromEntries(
    Object.entries(DEAD_LETTER_HEADERS).map(([name, header]) => [
      header,
      String(reason[name as keyof DeadLetterReason]),
    ]),
  );

/**
 * The message of a record. What a foreign producer leaves out is taken from the key `<tenant>/<sandbox>/<subject>`, from
 * `plainTypes` (what a record of a topic is when it does not say), from the record's time and place; of a dead letter, from
 * where it stood first. The same record always gives the same id. Throws `message-malformed` for what no message can be
 * made of.
 */
export const messageOfRecord = (
  { topic, partition }: { readonly topic: string; readonly partition: number },
  record: IncomingRecord,
  plainTypes: Readonly<Record<string, string>> = {},
): ReceivedMessage => {
  const { headers = {}, offset } = record;
  const given = (attribute: Attribute): string | undefined => textOf(headers[HEADERS[attribute]]);
  const version = textOf(headers['ce_specversion']);
  if (version !== undefined && !version.startsWith('1.')) throw malformed(`ce_specversion is ${version} and not 1.0`);
  const key = record.key?.toString('utf8') ?? '';
  const fromKey = /^([^/]+)\/([^/]+)\/(.+)$/s.exec(key);
  const needed = (attribute: Attribute, otherwise: string | undefined, remedy: string): string => {
    const value = given(attribute) ?? otherwise;
    if (value === undefined || value === '') throw malformed(`it has no ${HEADERS[attribute]} header, ${remedy}`);
    return value;
  };

  const deadLetter = deadLetterOf(headers);
  const origin = deadLetter ?? { topic, partition, offset };
  const type = needed('type', plainTypes[origin.topic], 'and the topic does not settle what it is');
  const tenant = needed('tenant', fromKey?.[1], 'and its key is not <tenant>/<sandbox>/<subject>');
  const sandbox = needed('sandbox', fromKey?.[2], 'and its key is not <tenant>/<sandbox>/<subject>');
  for (const [what, value] of [
    ['tenant', tenant],
    ['sandbox', sandbox],
  ] as const) {
    if (!isScopeName(value)) throw malformed(`its ${what} must be ${SCOPE_NAME_RULE}`);
  }
  const source = given('source') ?? `kafka:${origin.topic}`;
  // An id is unique within its source only.
  const id = given('id') ?? idFrom(origin.topic, origin.partition, origin.offset);
  const [causationId, traceparent, replyTo] = [given('causationId'), given('traceparent'), given('replyTo')];
  return {
    id,
    type,
    source,
    subject: given('subject') ?? fromKey?.[3] ?? key,
    key,
    time: given('time') ?? new Date(Number(record.timestamp)).toISOString(),
    tenant,
    sandbox,
    actor: given('actor') ?? source,
    correlationId: given('correlationId') ?? id,
    ...(causationId !== undefined && { causationId }),
    ...(traceparent !== undefined && { traceparent }),
    ...(replyTo !== undefined && { replyTo }),
    ...(deadLetter && { deadLetter }),
    data: dataOf(record.value),
    topic,
    partition,
    offset,
    attempt: 1,
  };
};

const textOf = (header: IHeaders[string]): string | undefined => {
  const first = Array.isArray(header) ? header[0] : header;
  // Kafka has headers without a value, of which the types of kafkajs do not know.
  return (first as Buffer | string | null | undefined)?.toString('utf8');
};

const deadLetterOf = (headers: IHeaders): DeadLetterReason | undefined => {
  const given = (name: keyof DeadLetterReason) => textOf(headers[DEAD_LETTER_HEADERS[name]]);
  const [reason, slug, topic, offset, group] = [
    given('reason'),
    given('slug'),
    given('topic'),
    given('offset'),
    given('group'),
  ];
  if (
    reason === undefined ||
    slug === undefined ||
    topic === undefined ||
    offset === undefined ||
    group === undefined
  ) {
    return undefined;
  }
  return {
    reason,
    slug,
    attempts: Number(given('attempts')),
    topic,
    partition: Number(given('partition')),
    offset,
    group,
  };
};

const dataOf = (value: Buffer | null): object => {
  let data: unknown;
  try {
    data = JSON.parse(value?.toString('utf8') ?? '');
  } catch {
    throw malformed('its value is no JSON');
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw malformed('its value is no JSON object');
  return data;
};

const malformed = (why: string): WaybillError =>
  new WaybillError('message-malformed', 'malformed', `The record is no message: ${why}.`);
