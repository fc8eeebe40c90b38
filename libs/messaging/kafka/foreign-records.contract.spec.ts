import { zstdCompressSync } from 'node:zlib';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findKafka, type KafkaCounterpart } from '@waybill/testkit/kafka';
import kafkajs, { Kafka, logLevel, type Message, type Producer } from 'kafkajs';
import { deadLetterTopic, type MessageBus, type ReceivedMessage } from '../port.js';
import { openKafka } from './message-bus.js';
import { eventually } from './testing/load.js';

const { CompressionCodecs, CompressionTypes } = kafkajs;

const PLAIN_TYPE = 'waybill.test.ThingReported.v1';

/** Headers that are written without a value when they are empty. */
const WITHOUT_VALUE = ['x-none', 'ce_subject'];

/** Lets kafkajs write what other clients write, compressed so and with null for a header; that it cannot read it stays so. */
const writeZstd = (): void => {
  const unreadable = CompressionCodecs[CompressionTypes.ZSTD];
  const withNulls = (records: Buffer): Buffer => {
    // The length of a value, as Kafka writes numbers: 0 for 0, 1 for -1, which is null.
    const text = WITHOUT_VALUE.reduce(
      (all, name) => all.replaceAll(`${name}\0`, `${name}\x01`),
      records.toString('latin1'),
    );
    return Buffer.from(text, 'latin1');
  };
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(zstdCompressSync(withNulls(buffer))),
    decompress: async (): Promise<unknown> => unreadable() as unknown,
  });
};

describeWith('records of other systems on Kafka', findKafka(), (start) => {
  let server: KafkaCounterpart;
  let kafka: Kafka;
  let producer: Producer;
  let bus: MessageBus;
  let topic: string;
  let handled: ReceivedMessage[];

  beforeAll(async () => {
    writeZstd();
    server = await start()();
    kafka = new Kafka({ brokers: [...server.brokers], logLevel: logLevel.NOTHING });
    producer = kafka.producer();
    await producer.connect();
  }, 120_000);
  afterAll(async () => {
    await producer.disconnect();
    await server.stop();
  }, 30_000);

  beforeEach(async () => {
    topic = `waybill.test.${newId()}`;
    handled = [];
    bus = await openKafka({
      brokers: server.brokers,
      plainTypes: { [topic]: PLAIN_TYPE },
      times: { heartbeatMs: 200, fetchWaitMs: 50 },
    });
    await bus.ensureTopics([{ name: topic, partitions: 3 }]);
    await bus.subscribe({ group: topic, topics: [topic], backoffMs: 5 }, (message) => {
      handled.push(message);
      return 'poison' in message.data ? Promise.reject(new Error('cannot be handled')) : Promise.resolve();
    });
  });
  afterEach(() => bus.close());

  const send = (...messages: Message[]) => producer.send({ topic, messages });

  /** The dead letters as an operator's own tool sees them. */
  const deadLetters = async (count: number) => {
    const consumer = kafka.consumer({ groupId: newId() });
    const seen: { key: string; value: string; headers: Record<string, string> }[] = [];
    await consumer.connect();
    await consumer.subscribe({ topic: deadLetterTopic(topic, topic), fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) => {
        const texts = Object.entries(headers ?? {}).map(([name, header]) => [name, header?.toString() ?? '']);
        seen.push({ key: key?.toString() ?? '', value: value?.toString() ?? '', headers: Object.fromEntries(texts) });
      },
    });
    await eventually(() => expect(seen).toHaveLength(count));
    await consumer.disconnect();
    return seen;
  };

  it('are understood with a key and JSON alone, the same each time', async () => {
    const value = JSON.stringify({ profileId: 'p1' });
    await send({ key: 'acme/prod/p1/with/slashes', value, timestamp: '1767225600000' });
    await eventually(() => expect(handled).toHaveLength(1));
    expect(handled[0]).toMatchObject({
      tenant: 'acme',
      sandbox: 'prod',
      subject: 'p1/with/slashes',
      type: PLAIN_TYPE,
      source: `kafka:${topic}`,
      actor: `kafka:${topic}`,
      time: '2026-01-01T00:00:00.000Z',
      data: { profileId: 'p1' },
    });
    expect(handled[0]?.id).toBe(handled[0]?.correlationId);
  });

  it('are understood by their CloudEvents headers, whatever their key', async () => {
    const headers = {
      ...{ ce_specversion: '1.0', ce_id: 'their-id', ce_type: 'waybill.test.Other.v1', ce_source: '/crm' },
      ...{ ce_tenant: 'acme', ce_sandbox: 'dev', 'x-their-own': 'kept' },
    };
    await send({ key: 'anything', value: '{}', headers });
    await eventually(() => expect(handled).toHaveLength(1));
    expect(handled[0]).toMatchObject({
      ...{ id: 'their-id', type: 'waybill.test.Other.v1', source: '/crm', actor: '/crm' },
      ...{ tenant: 'acme', sandbox: 'dev', subject: 'anything', key: 'anything' },
    });
  });

  it.each(['GZIP', 'ZSTD'] as const)('are read when they come compressed by %s', async (by) => {
    const messages = [1, 2].map((number) => ({ key: 'acme/prod/p1', value: JSON.stringify({ number }) }));
    await producer.send({ topic, messages, compression: CompressionTypes[by] });
    await eventually(() => expect(handled.map(({ data }) => data)).toEqual([{ number: 1 }, { number: 2 }]));
  });

  it('that are no messages go to the dead letters at once, and their neighbours go on', async () => {
    const key = 'acme/prod/p1';
    await send(
      { key, value: 'no JSON' },
      { key, value: '[1]' },
      { key, value: null },
      { key: 'no-scope', value: '{}' },
      { key, value: '{}', headers: { ce_specversion: '0.3' } },
      { key, value: '{"fine":true}' },
    );
    await eventually(() => expect(handled.map(({ data }) => data)).toEqual([{ fine: true }]));
    const dead = await deadLetters(5);
    const reasons = dead.map(({ headers }) => headers['ce_deadletterreason']);
    expect(reasons.filter((reason) => reason?.includes('no JSON'))).toHaveLength(3);
    expect(reasons).toContainEqual(expect.stringMatching(/its key is not <tenant>\/<sandbox>\/<subject>/));
    expect(reasons).toContainEqual(expect.stringMatching(/ce_specversion is 0\.3/));
    expect(dead.map(({ headers }) => [headers['ce_deadletterslug'], headers['ce_deadletterattempts']])).toEqual(
      Array.from({ length: 5 }, () => ['message-malformed', '1']),
    );
  });

  it('that no handler can handle become dead letters as they came, with the reason beside their own headers', async () => {
    const sent = { key: 'acme/prod/p1', value: '{"poison": true}', headers: { 'x-their-own': 'kept' } };
    await send(sent, { key: 'acme/prod/p1', value: '{"fine":true}' });
    await eventually(() => expect(handled.at(-1)?.data).toEqual({ fine: true }));
    expect(handled.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 1]);
    const [dead] = await deadLetters(1);
    expect(dead).toEqual({
      ...sent,
      headers: {
        'x-their-own': 'kept',
        ce_deadletterreason: 'cannot be handled',
        ce_deadletterslug: 'unexpected-error',
        ce_deadletterattempts: '5',
        ce_deadlettertopic: topic,
        ce_deadletterpartition: String(handled[0]?.partition),
        ce_deadletteroffset: handled[0]?.offset,
        ce_deadlettergroup: topic,
      },
    });
  });

  it('that have headers without a value are taken, and become dead letters without these', async () => {
    const key = 'acme/prod/p1';
    const headers = { ...Object.fromEntries(WITHOUT_VALUE.map((name) => [name, ''])), 'x-own': 'kept' };
    const messages = [
      { key, value: '{"poison":true}', headers },
      { key, value: '{"fine":true}', headers },
    ];
    await producer.send({ topic, messages, compression: CompressionTypes.ZSTD });
    await eventually(() => expect(handled.at(-1)).toMatchObject({ data: { fine: true }, subject: 'p1' }));
    const [dead] = await deadLetters(1);
    expect(dead?.headers).toMatchObject({ 'x-own': 'kept', ce_deadletterreason: 'cannot be handled' });
    expect(dead?.headers).not.toHaveProperty('x-none');
  });

  it('that the dead letters do not take leave the reason there, and their neighbours go on', async () => {
    const key = 'acme/prod/p1';
    const fits = (bytes: number) => JSON.stringify({ poison: 'x'.repeat(bytes) });
    await send({ key, value: fits(2 * 1024 * 1024 - 200) }, { key, value: '{"fine":true}' });
    await eventually(() => expect(handled.some(({ data }) => 'fine' in data)).toBe(true));
    const [dead] = await deadLetters(1);
    expect(dead).toMatchObject({
      ...{ key: '', value: '' },
      headers: {
        ce_deadletterreason: expect.stringMatching(/^cannot be handled .*takes no message of its size/) as string,
        ce_deadletteroffset: '0',
      },
    });
  });

  it('that cannot be read hold their partition, and health says so until they are gone', async () => {
    const unpacked = `waybill.test.${newId()}`;
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: unpacked, numPartitions: 2 }], waitForLeaders: false });
    await eventually(() => expect(admin.fetchTopicOffsets(unpacked)).resolves.toHaveLength(2));
    const messages = [0, 1].map((partition) => ({ partition, key: 'acme/prod/p1', value: '{}' }));
    await producer.send({ topic: unpacked, messages: messages.slice(0, 1), compression: CompressionTypes.ZSTD });
    const seen: ReceivedMessage[] = [];
    const times = { heartbeatMs: 200, fetchWaitMs: 50, sessionMs: 15_000, troubleMs: 1_000 };
    const reader = await openKafka({ brokers: server.brokers, plainTypes: { [unpacked]: PLAIN_TYPE }, times });
    try {
      await reader.subscribe({ group: unpacked, topics: [unpacked] }, (message) =>
        Promise.resolve(void seen.push(message)),
      );
      await eventually(() =>
        expect(reader.checkHealth()).rejects.toMatchObject({ message: expect.stringMatching(/ZSTD/) as unknown }),
      );
      // What comes beside it is read, and is no sign that all is well.
      await producer.send({ topic: unpacked, messages: messages.slice(1) });
      await expect(reader.checkHealth()).rejects.toMatchObject({ message: expect.stringMatching(/ZSTD/) as unknown });
      await admin.deleteTopicRecords({ topic: unpacked, partitions: [{ partition: 0, offset: '1' }] });
      await eventually(() => expect(reader.checkHealth()).resolves.toBeUndefined(), 40_000);
      await eventually(() => expect(seen).toHaveLength(1));
    } finally {
      await reader.close();
      await admin.disconnect();
    }
  }, 90_000);
});
