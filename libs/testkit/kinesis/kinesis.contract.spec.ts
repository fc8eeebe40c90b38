import { DescribeStreamSummaryCommand, KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import {
  KinesisError,
  type KinesisServer,
  type KinesisServerOptions,
  type Protocol,
  startKinesisServer,
} from './index.js';

const clientOf = ({ endpoint, region, accessKeyId, secretAccessKey }: KinesisServer, own: object = {}): KinesisClient =>
  new KinesisClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, maxAttempts: 1, ...own });

const describeStream = (client: KinesisClient, stream = 'events') =>
  client.send(new DescribeStreamSummaryCommand({ StreamName: stream }));

const put = (client: KinesisClient, records: readonly (readonly [key: string, data: string | Buffer])[], own = {}) =>
  client.send(
    new PutRecordsCommand({
      StreamName: 'events',
      Records: records.map(([PartitionKey, data]) => ({ PartitionKey, Data: Buffer.from(data) })),
      ...own,
    }),
  );

/** The SDK's own choice is HTTP/2. */
const HANDLERS: Readonly<Record<Protocol, object>> = {
  'http/1.1': { requestHandler: new NodeHttpHandler() },
  'http/2': {},
};

describe.each(['kinesalite', 'memory'] as const)('the Kinesis server on %s', (store) => {
  let server: KinesisServer;
  beforeAll(async () => (server = await startKinesisServer({ store, streams: { events: 3 } })));
  afterEach(() => server.reset());
  afterAll(() => server.stop());

  describe.each(['http/1.1', 'http/2'] as const)('over %s', (protocol) => {
    let client: KinesisClient;
    beforeAll(() => (client = clientOf(server, HANDLERS[protocol])));
    afterAll(() => client.destroy());
    const refusal = (own: object, stream?: string) => {
      const other = clientOf(server, { ...HANDLERS[protocol], ...own });
      return describeStream(other, stream).then(
        () => 'none',
        (error: Error) => error.name,
      );
    };

    it('describes a stream, and keeps records in the order of their key', async () => {
      const { StreamDescriptionSummary } = await describeStream(client);
      expect(StreamDescriptionSummary).toMatchObject({ StreamStatus: 'ACTIVE', OpenShardCount: 3 });
      const key = `key ${protocol}`;
      for (const text of ['one', 'two', 'three']) {
        const { FailedRecordCount, Records } = await put(client, [[key, text]]);
        expect(FailedRecordCount).toBe(0);
        expect(Records?.[0]?.ShardId).toMatch(/^shardId-/);
      }
      const kept = server.received('events').filter((record) => record.key === key);
      expect(kept.map(({ data }) => data.toString())).toEqual(['one', 'two', 'three']);
      expect(server.calls.every((call) => call.protocol === protocol)).toBe(true);
    });

    it.each([
      ['a wrong secret', { credentials: { accessKeyId: 'WAYBILLTESTKEY', secretAccessKey: 'x' } }, 'InvalidSignature'],
      ['an unknown key', { credentials: { accessKeyId: 'NOBODY', secretAccessKey: 'x' } }, 'UnrecognizedClient'],
      ['another region', { region: 'eu-west-1' }, 'InvalidSignature'],
    ])('refuses %s', async (_, own, code) => {
      expect(await refusal(own)).toBe(`${code}Exception`);
    });

    it('refuses what is denied, and knows no other stream', async () => {
      expect(await refusal({}, 'nowhere')).toBe('ResourceNotFoundException');
      server.denied.add('DescribeStreamSummary');
      expect(await refusal({})).toBe('AccessDeniedException');
    });

    it('refuses some records and keeps the others, by position', async () => {
      const code = 'InternalFailure';
      server.inject('PutRecords', { kind: 'refuse-records', code, which: ({ PartitionKey }) => PartitionKey === 'b' });
      const { FailedRecordCount, Records } = await put(client, [['a', '1'], ['b', '2'], ['c', '3']]); // prettier-ignore
      expect(FailedRecordCount).toBe(1);
      expect(Records?.map(({ ErrorCode }) => ErrorCode)).toEqual([undefined, code, undefined]);
      expect(server.received('events').filter(({ key }) => key === 'b')).toEqual([]);
    });

    it('keeps records whose answer is lost', async () => {
      server.inject('PutRecords', { kind: 'lose-answer' });
      await expect(put(client, [[`lost ${protocol}`, '1']])).rejects.toThrow();
      expect(server.received('events').filter(({ key }) => key === `lost ${protocol}`)).toHaveLength(1);
      await put(client, [['next', '1']]);
    });

    it('answers with an injected error, late, or never', async () => {
      server.inject('PutRecords', { kind: 'answer', error: new KinesisError('InternalFailure', 'Injected.', 500) });
      await expect(put(client, [['a', '1']])).rejects.toMatchObject({ name: 'InternalFailure' });
      server.inject('PutRecords', { kind: 'delay', ms: 100 });
      const started = performance.now();
      await put(client, [['a', '1']]);
      expect(performance.now() - started).toBeGreaterThan(95);
      server.inject('PutRecords', { kind: 'hang' });
      const command = new PutRecordsCommand({
        StreamName: 'events',
        Records: [{ PartitionKey: 'a', Data: Buffer.of(1) }],
      });
      await expect(client.send(command, { abortSignal: AbortSignal.timeout(100) })).rejects.toThrow();
    });
  });

  it('counts keys into the sizes of a record and of a request', async () => {
    const client = clientOf(server);
    const most = 1024 * 1024;
    const sized = (bytes: number, key = 'k'): readonly [string, Buffer] => [key, Buffer.alloc(bytes - key.length)];
    await put(client, [sized(most)]);
    await expect(put(client, [sized(most + 1)])).rejects.toMatchObject({ name: 'ValidationException' });
    await put(
      client,
      Array.from({ length: 5 }, () => sized(most)),
    );
    const over = [...Array.from({ length: 5 }, () => sized(most)), sized(1)];
    await expect(put(client, over)).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    const many = Array.from({ length: 501 }, () => sized(2));
    await expect(put(client, many)).rejects.toMatchObject({ name: 'ValidationException' });
    client.destroy();
  });

  it('keeps nothing of a dry run, and nothing that no shard is for', async () => {
    const client = clientOf(server);
    const before = server.received('events').length;
    await expect(put(client, [['a', '1']], { DryRun: true })).rejects.toMatchObject({
      name: 'DryRunOperationException',
    });
    const Records = [{ PartitionKey: 'a', Data: Buffer.of(1), ExplicitHashKey: String(1n << 128n) }];
    await expect(put(client, [], { Records })).rejects.toMatchObject({ name: 'InvalidArgumentException' });
    expect(server.received('events')).toHaveLength(before);
    client.destroy();
  });
});

it('large records need a stream that tells of them', async () => {
  const server = await startKinesisServer({ store: 'memory', streams: { events: 1 } });
  const client = clientOf(server);
  const large = [['k', Buffer.alloc(9_000_000)]] as const;
  await expect(put(client, large)).rejects.toMatchObject({ name: 'ValidationException' });
  server.summaries.set('events', { MaxRecordSizeInKiB: 10_240 });
  expect((await put(client, large)).FailedRecordCount).toBe(0);
  client.destroy();
  await server.stop();
});

it.each<[KinesisServerOptions['speaks'] & string, Protocol]>([
  ['http/1.1', 'http/2'],
  ['http/2', 'http/1.1'],
])('a server that speaks %s only is no use to a client of %s', async (speaks, other) => {
  const server = await startKinesisServer({ store: 'memory', streams: { events: 1 }, speaks });
  const [fit, unfit] = [clientOf(server, HANDLERS[speaks as Protocol]), clientOf(server, HANDLERS[other])];
  expect((await describeStream(fit)).StreamDescriptionSummary?.StreamStatus).toBe('ACTIVE');
  await expect(describeStream(unfit)).rejects.toThrow();
  fit.destroy();
  unfit.destroy();
  await server.stop();
});

it('tells a clock that differs', async () => {
  const server = await startKinesisServer({ store: 'memory', streams: { events: 1 }, clockOffsetMs: 20 * 60_000 });
  const client = clientOf(server);
  await expect(describeStream(client)).rejects.toThrow('Signature expired');
  client.destroy();
  await server.stop();
});
