import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { KinesisError, type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { EventOutcome, EventRecord, EventSink } from '../port.js';
import { createKinesisConnector } from './index.js';
import { abortedAfter, environment } from '../testing/proofs.js';
import { accountOn } from './test-account.js';

const STREAM = 'audience';
const connector = createKinesisConnector();
const { signal } = new AbortController();

let server: KinesisServer;
beforeAll(async () => (server = await startKinesisServer({ store: 'memory', streams: { [STREAM]: 3 } })));
afterEach(() => server.reset());
afterAll(() => server.stop());

const openSink = (findings = {}): Promise<EventSink> =>
  connector.openEventSink!(accountOn(server, { findings }), { stream: STREAM }, environment());

const send = async (sink: EventSink, records: readonly EventRecord[]): Promise<readonly EventOutcome[]> => {
  const batch = await sink.openBatch('');
  for (const record of records) expect(batch.add(record)).toBe('added');
  return batch.send(signal);
};

const records = (count: number, prefix = 'key'): EventRecord[] =>
  Array.from({ length: count }, (_, number) => ({ key: `${prefix} ${number}`, data: Buffer.from(`${number}`) }));

describe('a sink on Kinesis', () => {
  let sink: EventSink;
  beforeAll(async () => (sink = await openSink()));
  afterAll(() => sink.close());

  it.each([
    ['ProvisionedThroughputExceededException', 'throttled'],
    ['InternalFailure', 'failed'],
  ] as const)('tells of %s which records met it, by position', async (code, kind) => {
    const prefix = `partly ${code}`;
    server.inject('PutRecords', { kind: 'refuse-records', code, which: (_, position) => position % 3 === 1 });
    const outcomes = await send(sink, records(10, prefix));
    expect(outcomes.map((outcome) => (outcome.sent ? 'sent' : `${outcome.kind} ${outcome.code}`))).toEqual(
      Array.from({ length: 10 }, (_, position) => (position % 3 === 1 ? `${kind} ${code}` : 'sent')),
    );
    expect(server.received(STREAM).filter(({ key }) => key.startsWith(prefix))).toHaveLength(7);
  });

  it('makes one request, whatever comes of it', async () => {
    const fault = { kind: 'answer', error: new KinesisError('InternalFailure', 'Broken.', 500) } as const;
    server.inject('PutRecords', fault, 5);
    await expect(send(sink, records(3))).rejects.toMatchObject({ slug: 'partner-unavailable', kind: 'unavailable' });
    expect(server.calls).toHaveLength(1);
  });

  it('takes a request apart that the service finds invalid, down to the record that is to blame', async () => {
    const lowered = records(20, 'lowered');
    lowered[13] = { key: 'large', data: Buffer.alloc(900_000) };
    const own = await openSink({ maxRecordKiB: 10_240 });
    lowered[13] = { key: 'large', data: Buffer.alloc(2_000_000) };
    const outcomes = await send(own, lowered);
    expect(outcomes.flatMap(({ sent }, position) => (sent ? [] : [position]))).toEqual([13]);
    expect(outcomes[13]).toMatchObject({
      kind: 'refused',
      code: 'ValidationException',
      message: expect.stringContaining('1048576') as unknown,
    });
    expect(server.received(STREAM).filter(({ key }) => key.startsWith('lowered'))).toHaveLength(19);
    await own.close();
  });

  it("shows a service's own words in one line of bounded length, without control characters", async () => {
    const words = `No\u0000pe \u001b[31m\n${'x'.repeat(20_000)}`;
    server.inject('PutRecords', { kind: 'answer', error: new KinesisError('ValidationException', words) });
    const [outcome] = await send(sink, records(1));
    const { message } = outcome as EventOutcome & { readonly message: string };
    expect(message).toContain('No pe  [31m xxx');
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message.length).toBeLessThan(400);
  });

  it('fills requests of 10 MiB where the stream tells its largest record', async () => {
    server.summaries.set(STREAM, { MaxRecordSizeInKiB: 4_096 });
    const { findings } = await connector.proveTarget(accountOn(server), { stream: STREAM }, environment());
    const own = await openSink(findings);
    expect(own.mostRecordBytes).toBe(4 * 1024 * 1024);
    const sized = (key: string, bytes: number) => ({ key, data: Buffer.alloc(bytes - key.length) });
    const mebibyte = 1024 * 1024;
    const outcomes = await send(own, [sized('a', 4 * mebibyte), sized('b', 4 * mebibyte), sized('c', 2 * mebibyte)]);
    expect(outcomes.every(({ sent }) => sent)).toBe(true);
    await own.close();
  });

  it('says of the whole destination what concerns it', async () => {
    const meets = async (code: string, slug: string) => {
      server.inject('PutRecords', { kind: 'answer', error: new KinesisError(code, 'Injected.') });
      await expect(send(sink, records(2))).rejects.toMatchObject({ slug });
    };
    await meets('AccessDeniedException', 'partner-permission-denied');
    await meets('KMSAccessDeniedException', 'partner-permission-denied');
    await meets('KMSDisabledException', 'partner-rejected');
    await meets('ResourceNotFoundException', 'partner-target-missing');
    await meets('UnrecognizedClientException', 'partner-rejected');
  });

  it('slows down when something in between says that it is too much, whatever it calls that', async () => {
    const proxy = createServer((_, response) =>
      response.writeHead(429, { 'content-type': 'text/html' }).end('<p>Slow</p>'),
    );
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const behind = accountOn(server, { authentication: { endpoint } });
    const own = await connector.openEventSink!(behind, { stream: STREAM }, environment());
    expect(await send(own, records(2))).toMatchObject([
      { kind: 'throttled', code: 'HTTP 429' },
      { kind: 'throttled', code: 'HTTP 429' },
    ]);
    await own.close();
    proxy.closeAllConnections();
    proxy.close();
  });

  it('is over a clock that differs with the next request', async () => {
    const other = await startKinesisServer({ store: 'memory', streams: { [STREAM]: 1 }, clockOffsetMs: 20 * 60_000 });
    const own = await connector.openEventSink!(accountOn(other), { stream: STREAM }, environment());
    await expect(send(own, records(1))).rejects.toMatchObject({ slug: 'partner-unavailable' });
    expect((await send(own, records(1)))[0]?.sent).toBe(true);
    await own.close();
    await other.stop();
  });
});

it('lets go of an unused connection before the server does, and never of a request', async () => {
  const hasty = createKinesisConnector({ timeouts: { idle: 2_000 } });
  const sink = await hasty.openEventSink!(accountOn(server), { stream: STREAM }, environment());
  const before = server.connections();
  server.inject('PutRecords', { kind: 'delay', ms: 2_500 });
  expect((await send(sink, records(1)))[0]?.sent).toBe(true);
  expect((await send(sink, records(1)))[0]?.sent).toBe(true);
  expect(server.connections() - before).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  expect((await send(sink, records(1)))[0]?.sent).toBe(true);
  expect(server.connections() - before).toBe(2);
  await sink.close();
});

it('ends its requests with those who opened it', async () => {
  const signal = abortedAfter(server.asked('PutRecords'));
  const sink = await connector.openEventSink!(accountOn(server), { stream: STREAM }, environment({ signal }));
  server.inject('PutRecords', { kind: 'hang' });
  await expect(send(sink, records(1))).rejects.toThrow('shutting down');
  await sink.close();
});
