import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { type EventHubsServer, type Fault, serverBusy, startEventHubsServer } from '@waybill/testkit/event-hubs';
import type { EventOutcome, EventSink } from '../port.js';
import { createEventHubsConnector, type EventHubsOptions } from './index.js';
import { abortedAfter, environment } from '../testing/proofs.js';
import { accountOf } from './test-account.js';

const DEADLINES = { detached: 200, close: 500 };
const NEVER = new AbortController().signal;
const target = { eventHub: 'waybill' };

let server: EventHubsServer;
let sink: EventSink;

const openSink = (own: EventHubsOptions['deadlines'] = {}, signal = NEVER): Promise<EventSink> =>
  createEventHubsConnector({ deadlines: { ...DEADLINES, ...own } }).openEventSink!(
    accountOf(server.connectionString()),
    target,
    environment({ signal }),
  );

/** The sink with other deadlines; the server has not been called before it was opened. */
const openAnew = async (own: EventHubsOptions['deadlines']): Promise<void> => {
  await sink.close();
  server.reset();
  sink = await openSink(own);
};

/**
 * Time for the client to hear what happened to its connection. Nobody but itself could tell that it has; after a stall, a
 * timer that is due comes before what the sockets have to tell, so there are turns for these.
 */
const noticed = async (): Promise<void> => {
  await sleep(100);
  for (let turns = 0; turns < 10; turns += 1) await turn();
};

beforeEach(async () => {
  server = await startEventHubsServer();
  sink = await openSink();
});
afterEach(async () => {
  await sink.close();
  await server.stop();
});

const send = async (text = '{}', { records = 1, signal = NEVER } = {}): Promise<readonly EventOutcome[]> => {
  const batch = await sink.openBatch(sink.bucketOf('ann'));
  for (let n = 0; n < records; n += 1) expect(batch.add({ key: 'ann', data: Buffer.from(text) })).toBe('added');
  return batch.send(signal);
};
const bodies = (): readonly string[] => server.received('waybill').map(({ body }) => body.toString());
const attaches = (): number => server.calls.filter(({ operation }) => operation === 'attach').length;

const SENT = [{ sent: true }];

describe('a batch that the service does not take', () => {
  it.each<[string, Fault, object]>([
    ['is busy', serverBusy(), { kind: 'throttled', code: 'ServerBusyError' }],
    ['is busy for a while', serverBusy(4), { kind: 'throttled', code: 'ServerBusyError', waitMs: 4_000 }],
    [
      'has a quota used up',
      { kind: 'refuse', condition: 'amqp:resource-limit-exceeded' },
      { kind: 'failed', code: 'QuotaExceededError' },
    ],
    [
      'breaks inside',
      { kind: 'refuse', condition: 'amqp:internal-error' },
      { kind: 'failed', code: 'InternalServerError' },
    ],
    [
      'says something new',
      { kind: 'refuse', condition: 'com.microsoft:brand-new' },
      { kind: 'failed', code: 'MessagingError' },
    ],
    [
      'finds a record too large',
      { kind: 'refuse', condition: 'amqp:link:message-size-exceeded' },
      { kind: 'refused', code: 'MessageTooLargeError' },
    ],
    [
      'closes the link',
      { kind: 'detach', condition: 'amqp:link:detach-forced' },
      { kind: 'failed', code: 'DetachForcedError' },
    ],
  ])('since it %s is told so, once, and the next one goes through at once', async (_, fault, outcome) => {
    server.inject('send', fault);
    expect(await send('first')).toEqual([{ sent: false, message: expect.stringMatching(/\S/), ...outcome }]);
    expect(bodies()).toEqual([]);
    const started = performance.now();
    expect(await send('second')).toEqual(SENT);
    expect(performance.now() - started).toBeLessThan(3_000);
    expect(bodies()).toEqual(['second']);
  });

  it.each<[string, Fault, string]>([
    ['drops the connection', { kind: 'drop', kept: false }, 'partner-unavailable'],
    ['drops it when the batch was kept', { kind: 'drop', kept: true }, 'partner-unavailable'],
    ['never answers', { kind: 'silence', kept: false }, 'partner-timeout'],
  ])('since it %s says nothing of its records, and the next one goes through at once', async (_, fault, slug) => {
    if (fault.kind === 'silence') await openAnew({ send: 2_000 });
    server.inject('send', fault);
    await expect(send('first')).rejects.toMatchObject({ slug, kind: 'unavailable' });
    expect(await send('second')).toEqual(SENT);
    expect(bodies().at(-1)).toBe('second');
  });

  describe('and is refused', () => {
    const tooLarge: Fault = { kind: 'refuse', condition: 'amqp:link:message-size-exceeded' };
    const sendMany = async (texts: readonly string[]) => {
      const batch = await sink.openBatch(sink.bucketOf('ann'));
      for (const text of texts) batch.add({ key: 'ann', data: Buffer.from(text) });
      const outcomes = await batch.send(NEVER);
      return outcomes.map((outcome) => (outcome.sent ? 'sent' : outcome.kind));
    };

    it('is taken apart until the record that is to blame stands alone; its neighbours go through, in order', async () => {
      server.inject('send', tooLarge, 3);
      expect(await sendMany(['a', 'b', 'c', 'd', 'e'])).toEqual(['refused', 'sent', 'sent', 'sent', 'sent']);
      expect(bodies()).toEqual(['b', 'c', 'd', 'e']);
    });

    it('lets nothing overtake what is to be tried again', async () => {
      server.inject('send', tooLarge);
      server.inject('send', serverBusy());
      expect(await sendMany(['a', 'b', 'c'])).toEqual(['throttled', 'throttled', 'throttled']);
      expect(bodies()).toEqual([]);
    });
  });
});

describe('a link', () => {
  it('that was closed for being idle is opened again, by one who needs it', async () => {
    server.detachLinks();
    await noticed();
    expect(attaches()).toBe(1);
    expect(await send()).toEqual(SENT);
    expect(attaches()).toBe(2);
  });

  it('whose connection broke while it was idle is opened again at once, before any deadline', async () => {
    server.dropConnections();
    await noticed();
    const started = performance.now();
    expect(await send()).toEqual(SENT);
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  it('is opened once for many who send at the same moment', async () => {
    server.dropConnections();
    await noticed();
    expect(await Promise.all(Array.from({ length: 10 }, () => send()))).toEqual(Array.from({ length: 10 }, () => SENT));
    expect(attaches()).toBe(2);
  });

  it('of tokens that is closed lets what is under way be answered, and is opened again', async () => {
    await openAnew({ detached: 2_000 });
    server.inject('send', { kind: 'delay', ms: 100 });
    const asked = server.asked('send');
    const slow = send('slow');
    await asked;
    server.detachLinks('tokens');
    expect(await slow).toEqual(SENT);
    expect(await send('after')).toEqual(SENT);
    expect(bodies()).toEqual(['slow', 'after']);
    expect(attaches()).toBe(2);
  });

  it('waits for an answer that comes late, and a record that was kept is sent once', async () => {
    server.inject('send', { kind: 'delay', ms: 400 });
    expect(await send('late')).toEqual(SENT);
    expect(bodies()).toEqual(['late']);
  });

  it('that cannot be opened is told as an error of the whole destination', async () => {
    await server.stop();
    await noticed();
    await expect(send()).rejects.toMatchObject({ slug: 'partner-unavailable', kind: 'unavailable' });
    const { port } = server;
    server = await startEventHubsServer({ port });
    expect(await send()).toEqual(SENT);
  });

  it('that is never opened is told so at the deadline', async () => {
    await openAnew({ open: 3_000 });
    server.dropConnections();
    await noticed();
    server.inject('put-token', { kind: 'silence', kept: false });
    await expect(send()).rejects.toMatchObject({ slug: 'partner-timeout', kind: 'unavailable' });
  });

  it('of a namespace that is busy is told with the wait that it asks for', async () => {
    server.dropConnections();
    await noticed();
    server.inject('put-token', serverBusy(7));
    await expect(send()).rejects.toMatchObject({
      slug: 'partner-unavailable',
      kind: 'unavailable',
      retryAfterSeconds: 7,
    });
  });

  it('of a policy that lost the right to send is told as that', async () => {
    server.grant(server.keyName, ['Listen']);
    await noticed();
    await expect(send()).rejects.toMatchObject({ slug: 'partner-permission-denied', kind: 'refused' });
    server.grant(server.keyName, ['Send']);
    expect(await send()).toEqual(SENT);
  });
});

describe('an abort', () => {
  it('ends a sink that is being opened', async () => {
    server.inject('attach', { kind: 'silence', kept: false });
    const signal = abortedAfter(server.asked('attach'));
    await expect(openSink({}, signal)).rejects.toThrow('shutting down');
  });

  it('ends a batch under way, breaks the connection, and leaves the sink usable', async () => {
    server.inject('send', { kind: 'silence', kept: false });
    const signal = abortedAfter(server.asked('send'));
    await expect(send('{}', { signal })).rejects.toThrow('shutting down');
    expect(await send()).toEqual(SENT);
    expect(attaches()).toBe(2);
  });
});

it('an empty batch is sent without a request', async () => {
  const batch = await sink.openBatch('waybill-1');
  expect(await batch.send(NEVER)).toEqual([]);
  expect(server.calls.filter(({ operation }) => operation === 'send')).toEqual([]);
});

it('records of a bucket go to one partition', async () => {
  for (let n = 0; n < 200; n += 1) {
    const key = `profile-${n}`;
    const batch = await sink.openBatch(sink.bucketOf(key));
    batch.add({ key, data: Buffer.from(key) });
    expect(await batch.send(NEVER)).toEqual(SENT);
  }
  const partitions = new Map<string, Set<number>>();
  for (const { partitionKey, partition } of server.received('waybill')) {
    partitions.set(partitionKey!, (partitions.get(partitionKey!) ?? new Set()).add(partition));
  }
  expect([...partitions.values()].every(({ size }) => size === 1)).toBe(true);
  expect(new Set([...partitions.values()].flatMap((each) => [...each])).size).toBe(4);
});
