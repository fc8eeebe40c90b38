// An internal service of yours, in plain kafkajs: it defines a segment by command, reports who is in it, and listens to what
// Waybill tells. Every message and topic is described in docs/asyncapi.json.
//
//   npm run distributed                                                 says where Kafka listens: "Kafka: 127.0.0.1:…"
//   WAYBILL_KAFKA_BROKERS=127.0.0.1:… node examples/kafka.mjs           in another terminal, with that port
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';

const brokers = (process.env.WAYBILL_KAFKA_BROKERS ?? '127.0.0.1:9092').split(',');
const kafka = new Kafka({ clientId: 'billing', brokers, logLevel: logLevel.ERROR });
const REPLIES = 'acme.billing.replies';
const EVENTS = ['catalog', 'account', 'destination', 'audience', 'delivery'].map((name) => `waybill.${name}.events`);

/** CloudEvents 1.0 in binary mode: attributes in headers, the data in the value. */
const message = (type, subject, data, more = {}) => ({
  key: `default/prod/${subject}`, // tenant, sandbox, stream: messages of one key keep their order
  value: JSON.stringify(data),
  headers: {
    ce_specversion: '1.0',
    ce_id: randomUUID(), // a command sent twice under one id is one command
    ce_type: type,
    ce_source: 'https://billing.acme.example',
    ce_subject: subject,
    ce_time: new Date().toISOString(),
    ce_tenant: 'default',
    ce_sandbox: 'prod',
    ce_actor: 'billing',
    'content-type': 'application/json',
    ...more,
  },
});

const admin = kafka.admin();
await admin.connect();
await admin.createTopics({ topics: [{ topic: REPLIES, numPartitions: 1 }] });
await admin.disconnect();

const consumer = kafka.consumer({ groupId: `billing-${randomUUID()}` });
await consumer.connect();
await consumer.subscribe({ topics: [REPLIES, ...EVENTS], fromBeginning: false });
const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
const question = randomUUID();
let answered;
const answer = new Promise((resolve) => (answered = resolve));
await consumer.run({
  eachMessage: async ({ topic, message: { headers, value } }) => {
    const type = String(headers.ce_type);
    console.log(`${topic === REPLIES ? 'answer' : 'event '}  ${type}  ${value}`);
    // An answer names its question; the topic holds those of other processes, too.
    if (topic === REPLIES && String(headers.ce_causationid) === question) answered(type);
  },
});
await joined;

const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
const segmentId = 'paid-last-month';
await producer.send({
  topic: 'waybill.audience.commands',
  acks: -1,
  messages: [
    message(
      'waybill.audience.DefineSegment.v1',
      segmentId,
      { segmentId, name: 'Paid last month' },
      { ce_id: question, ce_replyto: REPLIES },
    ),
  ],
});
if (!(await answer).endsWith('Answer.v1')) process.exitCode = 1;

// Memberships need no headers: the topic settles what they are, and the key whose they are.
await producer.send({
  topic: 'waybill.audience.memberships',
  acks: -1,
  messages: ['jo', 'kim', 'lou'].map((profileId) => ({
    key: `default/prod/${profileId}`,
    value: JSON.stringify({
      segmentId,
      profileId,
      status: 'realized',
      at: new Date().toISOString(),
      identities: { email: `${profileId}@example.com` },
    }),
  })),
});
console.log('three memberships are on their way: GET /v1/segments/paid-last-month shows them');

await new Promise((resolve) => setTimeout(resolve, 2_000));
await producer.disconnect();
await consumer.disconnect();
