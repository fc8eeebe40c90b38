import type { MessageContract, QuestionContract, Service } from './define.js';
import { SERVICES } from './define.js';
import { CONTRACTS } from './registry.js';
import { commandsTopic, eventsTopic, MEMBERSHIPS_TOPIC, repliesTopic, TOPICS, type TopicDefinition } from './topics.js';

type Json = Readonly<Record<string, unknown>>;

const INFO = {
  title: 'Waybill messages',
  version: '1',
  description: `Internal services publish commands, questions and segment memberships; dashboards consume events.
Messages are CloudEvents 1.0 in the binary mode of the Kafka binding: attributes in \`ce_\` headers, the data as JSON in the value.
A report of a membership needs no header: its topic settles what it is, and its key whose it is (tenant, sandbox, profile).
The key of a message is \`<tenant>/<sandbox>/<stream>\`; messages of one key keep their order. Delivery is at least once: \`ce_id\` tells a repetition.
Schemas are open: a reader passes by members that it does not know, and a new shape is a new type beside the old one (\`….v2\`).
A producer may compress as it likes; a batch has at most 2 MiB when it is unpacked, and a message 1 MiB.
A message that a group cannot handle goes to \`<topic>.<group>.dlq\` with the reason.`,
  license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
};

const text = (description: string): Json => ({ type: 'string', description });

/** The headers of every message (CloudEvents 1.0, Kafka binding, binary mode); extension attributes are Waybill's own. */
const HEADERS = {
  required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_subject', 'ce_time', 'ce_tenant', 'ce_sandbox'],
  properties: {
    ce_specversion: { const: '1.0' },
    ce_id: text(
      'Unique within its `ce_source`. Tells a repetition: a command of the same source with the same id gives the first outcome again.',
    ),
    ce_source: text('`/waybill/<service>`, or a URI of the system that publishes.'),
    ce_subject: text('The stream it is about.'),
    ce_time: { type: 'string', format: 'date-time' },
    ce_tenant: text('Whose data it is.'),
    ce_sandbox: text('The isolated space of the tenant; `prod` unless told otherwise.'),
    ce_actor: text('Who caused it.'),
    ce_correlationid: text('Of everything that follows from one request.'),
    ce_causationid: text('The event or message that this one follows from; of an answer, the id of the question.'),
    ce_traceparent: text('W3C Trace Context.'),
    ce_replyto: text('The topic that the answer goes to.'),
    'content-type': { type: 'string' },
  },
};

const KEY = {
  type: 'string',
  description: '`<tenant>/<sandbox>/<stream>`: messages of one key keep their order.',
  examples: ['acme/prod/destination-7c9e6679-7425-40de-944b-e07fc1f90ae7'],
};

const nameOf = (type: string): string => type.replace(/^waybill\./, '').replace(/\.v1$/, '');
const reference = (...path: readonly string[]): Json => ({
  $ref: `#/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
});

const KINDS: Readonly<Record<MessageContract['kind'], string>> = {
  event: 'Something happened.',
  command: 'Do this; its outcome is an event.',
  question: 'Answered on the topic that `ce_replyto` names, by the answer or by RequestRefused.',
  answer: 'Goes to the topic that the question names, with its id as `ce_causationid`.',
};

const messageOf = (contract: MessageContract, example: unknown): Json => ({
  name: contract.type,
  title: nameOf(contract.type).split('.').at(-1),
  summary: KINDS[contract.kind],
  contentType: 'application/json',
  headers: {
    type: 'object',
    // What is reported of memberships may come as JSON alone: its topic settles what it is, its key whose it is.
    ...(contract.topic !== MEMBERSHIPS_TOPIC && {
      required: [...HEADERS.required, ...(contract.kind === 'question' ? ['ce_replyto'] : [])],
    }),
    properties: { ...HEADERS.properties, ce_type: { const: contract.type } },
  },
  payload: contract.schema,
  bindings: { kafka: { key: KEY, bindingVersion: '0.5.0' } },
  examples: [{ payload: example }],
});

const channelOf = ({ name, partitions, retentionMs }: TopicDefinition, messages: readonly MessageContract[]): Json => ({
  address: name,
  messages: Object.fromEntries(
    messages.map(({ type }) => [nameOf(type), reference('components', 'messages', nameOf(type))]),
  ),
  bindings: { kafka: { partitions, topicConfiguration: { 'retention.ms': retentionMs } } },
});

const isQuestion = (contract: MessageContract): contract is QuestionContract => 'answer' in contract;

const messagesOn = (topic: string): readonly MessageContract[] =>
  CONTRACTS.filter((contract) => contract.topic === topic);
/** Answers go where the asker says; between Waybill's own services that is the replies topic of the one that asks. */
const ANSWERS = CONTRACTS.filter(({ kind }) => kind === 'answer');

/** Seen from Waybill, as AsyncAPI wants it: it `send`s events and answers, and `receive`s the rest. */
const operationsOf = (service: Service): readonly (readonly [name: string, operation: Json])[] => {
  const commands = commandsTopic(service);
  const events = eventsTopic(service);
  return [
    [
      `${service}.publishEvents`,
      { action: 'send', channel: reference('channels', events), summary: `What ${service} tells of itself.` },
    ],
    ...messagesOn(commands).map((contract): readonly [string, Json] => [
      nameOf(contract.type),
      {
        action: 'receive',
        channel: reference('channels', commands),
        messages: [reference('channels', commands, 'messages', nameOf(contract.type))],
        ...(isQuestion(contract) && {
          reply: {
            address: { location: '$message.header#/ce_replyto' },
            channel: reference('channels', 'answers'),
            messages: [contract.answer.type, `waybill.${service}.RequestRefused.v1`].map((type) =>
              reference('channels', 'answers', 'messages', nameOf(type)),
            ),
          },
        }),
      },
    ]),
  ];
};

/**
 * Every topic and message of Waybill as an AsyncAPI 3.0 document. `exampleOf` gives the frozen example of a message type.
 * https://www.asyncapi.com/docs/reference/specification/v3.0.0
 */
export const asyncApi = (exampleOf: (type: string) => unknown): Json => ({
  asyncapi: '3.0.0',
  info: INFO,
  defaultContentType: 'application/json',
  servers: {
    kafka: {
      host: '{brokers}',
      protocol: 'kafka',
      variables: { brokers: { description: 'What WAYBILL_KAFKA_BROKERS names.' } },
    },
  },
  channels: {
    ...Object.fromEntries(
      TOPICS.filter(({ name }) => !SERVICES.some((service) => repliesTopic(service) === name)).map((topic) => [
        topic.name,
        channelOf(topic, messagesOn(topic.name)),
      ]),
    ),
    answers: {
      address: null,
      description: 'The topic that the asker names; a service of your own takes one of its own.',
      messages: Object.fromEntries(
        ANSWERS.map(({ type }) => [nameOf(type), reference('components', 'messages', nameOf(type))]),
      ),
    },
    deadLetters: {
      address: '{topic}.{group}.dlq',
      description:
        'Messages that a group could not handle, as they were, and in headers why: `ce_deadletterreason`, `…slug`, `…attempts`, `…topic`, `…partition`, `…offset`, `…group`.',
      parameters: {
        topic: { description: 'The topic that the message was on.' },
        group: { description: 'The consumer group that gave it up.' },
      },
    },
  },
  operations: {
    ...Object.fromEntries(SERVICES.flatMap(operationsOf)),
    'audience.receiveMemberships': {
      action: 'receive',
      channel: reference('channels', MEMBERSHIPS_TOPIC),
      summary: 'Memberships of segments, at least once; of two reports of one membership the later `at` wins.',
    },
  },
  components: {
    messages: Object.fromEntries(
      CONTRACTS.map((contract) => [nameOf(contract.type), messageOf(contract, exampleOf(contract.type))]),
    ),
  },
});
