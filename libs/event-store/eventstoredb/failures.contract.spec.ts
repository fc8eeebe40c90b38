import { setTimeout as sleep } from 'node:timers/promises';
import { newId, streamName } from '@waybill/kernel';
import {
  always,
  type EventStoreDbServer,
  first,
  newCluster,
  type Reaction,
  startEventStoreDb,
} from '@waybill/testkit/eventstoredb';
import { counter, type CounterCommand } from '../fixtures/counter.js';
import { type EventStore, handleCommand, loadStream, type NewEvent, type Position } from '../index.js';
import { type EventStoreDb, type EventStoreDbOptions, type Incident, openEventStoreDb } from './index.js';

/** Of a try, it is a third: enough for what is to succeed while the machine is busy with other things. */
const DEADLINE_MS = 5_000;
/** For what is to fail, or to take several tries. */
const IMPATIENT_MS = 1_500;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const startServer = async (...[options]: Parameters<typeof startEventStoreDb>): Promise<EventStoreDbServer> => {
  const server = await startEventStoreDb(options);
  closers.push(() => server.stop());
  return server;
};

const open = async (url: string, options: Partial<EventStoreDbOptions> = {}): Promise<EventStoreDb> => {
  const store = await openEventStoreDb({ url, deadlineMs: DEADLINE_MS, ...options });
  closers.push(() => store.close());
  return store;
};

const newEvent = (data: object = {}): NewEvent => ({
  id: newId(),
  type: 'SomethingHappened',
  data,
  metadata: {
    tenant: 'a',
    sandbox: 'b',
    actor: 'c',
    correlationId: 'd',
    causationId: 'e',
    occurredAt: '2026-01-02T03:04:05Z',
  },
});
const newEvents = (count: number): NewEvent[] => Array.from({ length: count }, () => newEvent());
/** As it lies in the log of a server. */
const stored = ({ id, type, data, metadata }: NewEvent) => {
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  return { id, type, contentType: 'application/json', data: json(data), metadata: json(metadata) };
};
const newStream = (): string => streamName('thing', newId());
const idsIn = async (store: EventStore, stream: string): Promise<string[]> =>
  (await store.readStream(stream, { max: 10_000 })).events.map(({ id }) => id);
const ids = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);

/** Everything after a position, as a projection reads it. */
const readOn = async (store: EventStore, after: Position, max = 500): Promise<string[]> => {
  const seen: string[] = [];
  for (let at = after; ;) {
    const slice = await store.readAll(at, { categories: ['thing'], max });
    seen.push(...slice.events.map(({ id }) => id));
    if (slice.atEnd) return seen;
    at = slice.position;
  }
};

const until = async (holds: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 20_000; !holds();) {
    if (Date.now() > deadline) throw new Error('it did not come about within 20 s');
    await sleep(5);
  }
};

/** Counts hints, and appends until there is a further one. */
const listen = (store: EventStore, writer: EventStore) => {
  let hints = 0;
  store.onAppended(() => (hints += 1));
  return async (): Promise<void> => {
    const before = hints;
    for (const end = Date.now() + 20_000; hints === before && Date.now() < end;) {
      await writer.append(newStream(), newEvents(1), { expected: 'no-stream' });
      await sleep(20);
    }
    expect(hints).toBeGreaterThan(before);
  };
};

describe('an append whose answer does not come', () => {
  const broken = { code: 14, details: 'read ECONNRESET' };
  const losses: [string, Reaction][] = [
    ['the server never answers', 'no-answer'],
    ['the server ends its side of the call', 'half-close'],
    ['the answer is lost after the append', 'lose-answer'],
    ['the connection breaks', broken],
    ['the server runs into its own time-out', { code: 10, details: 'Operation timed out: Commit timeout' }],
  ];

  describe.each(losses)('when %s', (_, reaction) => {
    it.each([['no-stream'], [1]] as const)('is sent again and stored once (expected: %s)', async (expected) => {
      const server = await startServer();
      const incidents: Incident[] = [];
      const store = await open(server.url, { observe: (incident) => incidents.push(incident) });
      const stream = newStream();
      const earlier = expected === 'no-stream' ? [] : newEvents(2);
      if (earlier.length > 0) await store.append(stream, earlier, { expected: 'no-stream' });

      server.faults.onCall = first(1, 'Append', reaction);
      const events = newEvents(2);
      const answer = await store.append(stream, events, { expected });
      expect(answer).toMatchObject({ revision: earlier.length + 1 });
      expect(await idsIn(store, stream)).toEqual(ids([...earlier, ...events]));
      expect(incidents).toContainEqual(expect.objectContaining({ kind: 'retry', doing: 'appending' }));
    });

    it('is said to be unknown when it never comes, within the deadline', async () => {
      const server = await startServer();
      const store = await open(server.url, { deadlineMs: IMPATIENT_MS });
      server.faults.onCall = (call) => (call.method === 'Append' || call.method === 'Read' ? reaction : undefined);
      const started = performance.now();
      await expect(store.append(newStream(), newEvents(1), { expected: 'no-stream' })).rejects.toMatchObject({
        slug: 'outcome-unknown',
        kind: 'unavailable',
        retryAfterSeconds: 1,
      });
      expect(performance.now() - started).toBeLessThan(IMPATIENT_MS + 5_000);
    });
  });

  it.each([['no-stream'], [1]] as const)(
    'is found in the stream when no answer comes at all (expected: %s)',
    async (expected) => {
      const server = await startServer();
      const store = await open(server.url);
      const stream = newStream();
      const earlier = expected === 'no-stream' ? [] : newEvents(2);
      if (earlier.length > 0) await store.append(stream, earlier, { expected: 'no-stream' });
      server.faults.onCall = always('Append', 'lose-answer');
      const events = newEvents(3);
      const answer = await store.append(stream, events, { expected });
      expect(answer).toMatchObject({ revision: earlier.length + 2 });
      expect(await idsIn(store, stream)).toEqual(ids([...earlier, ...events]));
    },
  );

  it.each([['no-stream'], [1]] as const)(
    'is stored once when the server is killed after it, and knows nothing of it when it is back (expected: %s)',
    async (expected) => {
      const server = await startServer();
      const store = await open(server.url);
      const stream = newStream();
      const earlier = expected === 'no-stream' ? [] : newEvents(2);
      if (earlier.length > 0) await store.append(stream, earlier, { expected: 'no-stream' });
      server.faults.onCall = first(1, 'Append', 'lose-answer');
      const events = newEvents(2);
      const appending = store.append(stream, events, { expected });
      while (server.log.stream(stream)?.events.length !== earlier.length + 2) await sleep(5);
      await server.stop();
      await server.start();
      expect(await appending).toMatchObject({ revision: earlier.length + 1 });
      expect(await idsIn(store, stream)).toEqual(ids([...earlier, ...events]));
    },
  );

  it('is a conflict when somebody else was faster meanwhile', async () => {
    const server = await startServer();
    const store = await open(server.url);
    const stream = newStream();
    const theirs = newEvent();
    let appends = 0;
    server.faults.onCall = ({ method }) => {
      if (method !== 'Append' || (appends += 1) > 1) return undefined;
      server.log.append(stream, 'any', [stored(theirs)]);
      return { code: 14, details: 'read ECONNRESET' };
    };
    await expect(store.append(stream, newEvents(1), { expected: 'no-stream' })).rejects.toMatchObject({
      slug: 'revision-conflict',
    });
    expect(await idsIn(store, stream)).toEqual([theirs.id]);
  });
});

it('says what to set where the server takes less in one append than Waybill writes', async () => {
  const server = await startServer({ maxAppendBytes: 500 });
  const store = await open(server.url);
  const stream = newStream();
  await store.append(stream, newEvents(1), { expected: 'no-stream' });
  await expect(store.append(stream, newEvents(5), { expected: 0 })).rejects.toMatchObject({
    slug: 'event-too-large',
    kind: 'too-large',
    message: expect.stringMatching(/MaxAppendSize must be 1 MiB/) as string,
  });
  expect((await store.readStream(stream)).lastRevision).toBe(0);
});

describe('a read that goes wrong', () => {
  it.each([
    ['no answer', 'no-answer'],
    ['an answer that ends before it began', 'half-close'],
    ['a broken connection', { code: 14, details: 'read ECONNRESET' }],
    ['a defect of the server', { code: 2, details: 'Exception was thrown by handler.' }],
  ] as const)('is tried again: %s', async (_, reaction) => {
    const server = await startServer();
    const store = await open(server.url);
    const stream = newStream();
    const events = newEvents(3);
    const start = await store.head();
    await store.append(stream, events, { expected: 'no-stream' });
    server.faults.onCall = first(1, 'Read', reaction);
    expect(await readOn(store, start)).toEqual(ids(events));
    server.faults.onCall = first(1, 'Read', reaction);
    expect(await idsIn(store, stream)).toEqual(ids(events));
  });

  it('is said to have failed when no answer comes, within the deadline', async () => {
    const server = await startServer();
    const store = await open(server.url, { deadlineMs: IMPATIENT_MS });
    server.faults.onCall = always('Read', 'no-answer');
    const started = performance.now();
    const unavailable = { slug: 'event-store-unavailable', kind: 'unavailable', retryAfterSeconds: 1 };
    const answers = [store.head(), store.readAll(store.start), store.readStream(newStream())];
    await Promise.all(answers.map((answer) => expect(answer).rejects.toMatchObject(unavailable)));
    expect(performance.now() - started).toBeLessThan(IMPATIENT_MS + 5_000);
  });

  it.each([
    ['reads', undefined],
    ['subscriptions', 0],
  ] as const)('skips nothing in the log when %s end early again and again', async (_, farBehind) => {
    const server = await startServer();
    const store = await open(server.url, farBehind === undefined ? {} : { farBehind });
    const start = await store.head();
    const stream = newStream();
    const events = newEvents(200);
    await store.append(stream, events, { expected: 'no-stream' });
    server.faults.onAnswer = (call, nth) => (call.method !== 'Append' && nth === 20 ? 'half-close' : undefined);
    expect(await readOn(store, start)).toEqual(ids(events));
    server.faults.onAnswer = (call, nth) => (call.method !== 'Append' && nth === 20 ? 'cut' : undefined);
    expect(await readOn(store, start)).toEqual(ids(events));
  });

  it.each([
    ['backwards', { direction: 'backwards' }],
    ['forwards', {}],
  ] as const)('does not take a stream for empty when it ends early and cleanly, %s', async (_, options) => {
    const server = await startServer();
    const store = await open(server.url);
    const stream = newStream();
    const events = newEvents(2);
    await store.append(stream, events, { expected: 'no-stream' });
    server.faults.onCall = first(1, 'Read', 'half-close');
    const slice = await store.readStream(stream, options);
    expect(ids(slice.events).toSorted()).toEqual(ids(events).toSorted());
    expect(await store.readStream(stream, { from: 2 })).toEqual({ events: [], lastRevision: 1 });
  });

  it('keeps what came when the server is too slow for a whole page', async () => {
    const server = await startServer();
    const store = await open(server.url, { deadlineMs: IMPATIENT_MS });
    const start = await store.head();
    const stream = newStream();
    const events = newEvents(60);
    await store.append(stream, events, { expected: 'no-stream' });
    server.faults.onCall = (call) => (call.method === 'Append' ? undefined : { delayMs: 20 });
    const slice = await store.readAll(start, { categories: ['thing'] });
    expect(slice.events.length).toBeGreaterThan(0);
    expect(slice.events.length).toBeLessThan(60);
    expect(slice.atEnd).toBe(false);
    expect(await readOn(store, start)).toEqual(ids(events));
    const page = await store.readStream(stream);
    expect(page.lastRevision).toBe(59);
    expect(page.events.length).toBeLessThan(60);
  });

  it.each([
    ['it is known to be far behind', 0],
    ['a read to its end brings nothing in time', undefined],
  ] as const)(
    'moves on in a long log of which nothing matches, however slow the server is: %s',
    async (_, farBehind) => {
      const server = await startServer();
      const deadlineMs = IMPATIENT_MS;
      const store = await open(server.url, farBehind === undefined ? { deadlineMs } : { deadlineMs, farBehind });
      const start = await store.head();
      const noise = {
        type: 'Noise',
        contentType: 'application/json',
        data: new Uint8Array(),
        metadata: new Uint8Array(),
      };
      for (let i = 0; i < 5_000; i += 1) server.log.append('other-1', 'any', [{ id: newId(), ...noise }]);
      let reads = 0;
      server.faults.onCall = ({ method }) => {
        if (method === 'Subscribe') return { delayMs: 80 };
        if (method !== 'Read' || farBehind === 0) return undefined;
        return (reads += 1) % 2 === 0 ? 'no-answer' : undefined; // the head is told at once
      };
      let [position, steps, atEnd] = [start, 0, false];
      for (; !atEnd; steps += 1) {
        const slice = await store.readAll(position, { categories: ['thing'] });
        expect(store.compare(slice.position, position)).toBeGreaterThan(0);
        ({ position, atEnd } = slice);
      }
      expect(steps).toBeGreaterThan(1);
      server.faults.onCall = undefined;
      expect(store.compare(position, await store.head())).toBe(0);
    },
  );
});

describe('what is not ours in the log', () => {
  it('is passed over: links, deleted targets, system events, other writers', async () => {
    const server = await startServer();
    const store = await open(server.url);
    const start = await store.head();
    const [stream, gone] = [newStream(), newStream()];
    const events = newEvents(3);
    await store.append(gone, newEvents(1), { expected: 'no-stream' });
    await store.append(stream, events.slice(0, 1), { expected: 'no-stream' });
    const json = { contentType: 'application/json', metadata: new Uint8Array() };
    const bytes = { contentType: 'application/octet-stream', metadata: new Uint8Array() };
    const ours = Buffer.from(JSON.stringify(newEvent().metadata));
    const foreign = [
      { id: newId(), type: '$>', data: Buffer.from(`0@${gone}`), ...bytes },
      { id: newId(), type: 'Blob', data: Buffer.from([0, 255]), ...bytes },
      { id: newId(), type: 'Bare', data: Buffer.from('{}'), ...json },
      ...['{"user":1}', 'null', '7', '[]', 'no JSON', '{"tenant":1,"sandbox":"b"}'].map((metadata) => ({
        ...{ id: newId(), type: 'Theirs', data: Buffer.from('{}') },
        ...{ ...json, metadata: Buffer.from(metadata) },
      })),
      { id: newId(), type: 'Theirs', data: Buffer.from('no JSON'), ...json, metadata: ours },
      { id: newId(), type: 'Theirs', data: Buffer.from('null'), ...json, metadata: ours },
    ];
    server.log.append(stream, 'any', foreign);
    server.log.tombstone(gone, 'any');
    await store.append(stream, events.slice(1), { expected: foreign.length });

    expect(await idsIn(store, stream)).toEqual(ids(events));
    const last = foreign.length + 2;
    expect((await store.readStream(stream)).lastRevision).toBe(last);
    expect((await store.readStream(stream, { max: 2 })).events.map(({ revision }) => revision)).toEqual([0, last - 1]);
    const backwards = await store.readStream(stream, { max: 3, direction: 'backwards' });
    expect(backwards.events.map(({ revision }) => revision)).toEqual([last, last - 1, 0]);
    expect(await store.readStream(gone)).toEqual({ events: [], lastRevision: -1 });
    for (const expected of ['no-stream', 0] as const) {
      await expect(store.append(gone, newEvents(1), { expected })).rejects.toMatchObject({ slug: 'stream-deleted' });
    }
    for (const max of [1, 2, 500]) {
      expect((await readOn(store, start, max)).filter((id) => ids(events).includes(id))).toEqual(ids(events));
    }
    expect((await store.readAll(start)).events).toHaveLength(4);
  });

  it('hides nothing that comes in while a page of it is read', async () => {
    const server = await startServer();
    const store = await open(server.url);
    const stream = newStream();
    const link = { type: '$>', contentType: 'application/octet-stream', metadata: new Uint8Array() };
    for (let i = 0; i < 2; i += 1)
      server.log.append(stream, 'any', [{ id: newId(), data: Buffer.from('0@x'), ...link }]);
    const ours = newEvent();
    const comesIn = () => void server.log.append(stream, 'any', [stored(ours)]);
    let reads = 0;
    server.faults.onCall = ({ method }) => {
      if (method === 'Read' && (reads += 1) === 3) comesIn();
      return undefined;
    };
    const { events, lastRevision } = await store.readStream(stream, { max: 2 });
    if (reads < 3) comesIn();
    const rest = await store.readStream(stream, { from: lastRevision + 1 });
    expect(ids([...events, ...rest.events])).toEqual([ours.id]);
  });

  it.each([
    ['the end of one of our streams', [{ type: 'open', by: 'ada' }]],
    ['a stream that has nothing else', []],
  ] as [string, CounterCommand[]][])('keeps no command from %s', async (_, earlier) => {
    const server = await startServer();
    const store = await open(server.url);
    const stream = streamName(counter.category, newId());
    const context = { ...newEvent().metadata, at: '2026-01-02T03:04:05Z' };
    const handle = (command: CounterCommand, expectedRevision: number) =>
      handleCommand(store, counter, stream, command, { ...context, commandId: newId(), expectedRevision });
    for (const command of earlier) await handle(command, -1);
    const link = { type: '$>', contentType: 'application/octet-stream', metadata: new Uint8Array() };
    for (let i = 0; i < 2; i += 1)
      server.log.append(stream, 'any', [{ id: newId(), data: Buffer.from('0@x'), ...link }]);

    // Whoever names a revision names that of our last event: nobody sees another.
    const seen = (await loadStream(store, counter, stream)).revision;
    expect(seen).toBe(earlier.length - 1);
    const command: CounterCommand = earlier.length > 0 ? { type: 'count', times: 1 } : { type: 'open', by: 'ada' };
    const { revision } = await handle(command, seen);
    expect(revision).toBe(earlier.length + 2);
    await expect(handle(command, seen)).rejects.toMatchObject({ slug: 'version-mismatch' });
    expect(await handle({ type: 'count', times: 1 }, revision)).toMatchObject({ revision: revision + 1 });
  });

  it('is a deletion that its next append undoes: its readers find nothing, those of the log everything', async () => {
    const server = await startServer();
    const store = await open(server.url);
    const start = await store.head();
    const stream = newStream();
    const [before, after] = [newEvents(2), newEvents(1)];
    await store.append(stream, before, { expected: 'no-stream' });
    server.log.deleteSoftly(stream, 'any');
    expect(await store.readStream(stream)).toEqual({ events: [], lastRevision: -1 });
    expect(await store.append(stream, after, { expected: 'no-stream' })).toMatchObject({ revision: 2 });
    expect(await idsIn(store, stream)).toEqual(ids(after));
    expect(await readOn(store, start)).toEqual(ids([...before, ...after]));
  });

  it('is what belongs to other services, too, when the store is opened on some categories', async () => {
    const server = await startServer();
    const store = await open(server.url, { categories: ['thing'] });
    const start = await store.head();
    const events = newEvents(2);
    await store.append(streamName('other', newId()), newEvents(1), { expected: 'no-stream' });
    await store.append(newStream(), events, { expected: 'no-stream' });
    await store.append(streamName('thing_too', newId()), newEvents(1), { expected: 'no-stream' });
    const slice = await store.readAll(start);
    expect(slice.events.map(({ id }) => id)).toEqual(ids(events));
    expect(slice).toMatchObject({ atEnd: true, position: await store.head() });
    expect(await store.readAll(start, { categories: [] })).toMatchObject({ events: [], atEnd: true });
  });
});

describe('a server that goes and comes back', () => {
  it('is said to be away within the deadline, and found again without being opened again', async () => {
    const server = await startServer();
    const deadlineMs = 3_000;
    const store = await open(server.url, { deadlineMs });
    const stream = newStream();
    await store.append(stream, newEvents(1), { expected: 'no-stream' });
    await server.stop();
    const started = performance.now();
    await expect(store.checkHealth()).rejects.toMatchObject({ slug: 'event-store-unavailable' });
    await expect(store.readStream(stream)).rejects.toMatchObject({ slug: 'event-store-unavailable' });
    expect(performance.now() - started).toBeLessThan(2 * deadlineMs + 5_000);
    // Nothing was sent, so nothing happened.
    await expect(store.append(stream, newEvents(1), { expected: 0 })).rejects.toMatchObject({
      slug: 'event-store-unavailable',
    });
    await server.start();
    await store.checkHealth();
    expect(await store.append(stream, newEvents(1), { expected: 0 })).toMatchObject({ revision: 1 });
  });

  it('loses and doubles nothing under load, and a reader sees it all', async () => {
    const server = await startServer();
    const store = await open(server.url);
    const start = await store.head();
    const written: string[] = [];
    let writing = true;
    const writers = Array.from({ length: 8 }, async () => {
      const stream = newStream();
      for (let revision = 0; writing; revision += 1) {
        const events = newEvents(1);
        // As a handler of commands does: the same events again until it is known what became of them.
        for (;;) {
          try {
            await store.append(stream, events, { expected: revision === 0 ? 'no-stream' : revision - 1 });
            break;
          } catch (error) {
            expect(error).toMatchObject({ kind: 'unavailable' });
          }
        }
        written.push(...ids(events));
      }
    });
    const isWriting = async (): Promise<void> => {
      for (const before = written.length; written.length < before + 20;) await sleep(10);
    };
    for (let restart = 0; restart < 3; restart += 1) {
      await isWriting();
      await server.stop();
      await sleep(100);
      await server.start();
    }
    await isWriting();
    writing = false;
    await Promise.all(writers);
    const seen = await readOn(store, start);
    expect(seen.toSorted()).toEqual(written.toSorted());
  }, 120_000);

  it('keeps its deadline where no node can be found', async () => {
    const started = performance.now();
    const url = 'esdb+discover://127.0.0.1:1?tls=false&discoveryInterval=1000&maxDiscoverAttempts=3';
    await expect(openEventStoreDb({ url, deadlineMs: 900 })).rejects.toMatchObject({ slug: 'event-store-unavailable' });
    expect(performance.now() - started).toBeLessThan(900 + 5_000);
  });
});

describe('a call whose caller was told that its time is up', () => {
  it('is not sent any more when a node is found at last', async () => {
    const server = await startServer();
    const store = await open(hostsOf('esdb+discover', server), { deadlineMs: IMPATIENT_MS });
    server.faults.onCall = ({ method }) => {
      if (method === 'Append') return { code: 14, details: 'Server Is Not Ready' };
      return method === 'Gossip' ? { delayMs: 2 * IMPATIENT_MS } : undefined;
    };
    const stream = newStream();
    await expect(store.append(stream, newEvents(1), { expected: 'no-stream' })).rejects.toMatchObject({
      slug: 'event-store-unavailable', // as nothing was sent
    });
    let sent = 0;
    server.faults.onCall = ({ method }) => void (sent += method === 'Append' ? 1 : 0);
    for (let found = false; !found;)
      found = await store.checkHealth().then(
        () => true,
        () => false,
      );
    await sleep(100);
    expect(sent).toBe(0);
    expect(server.log.stream(stream)).toBeUndefined();
  });
});

describe('a change of the leader', () => {
  const startTwo = async () => {
    const cluster = newCluster();
    const one = await startServer({ cluster });
    const two = await startServer({ cluster, log: one.log });
    return { cluster, one, two };
  };

  it.each([
    ['one host', (one: EventStoreDbServer) => one.url],
    ['all hosts', (one: EventStoreDbServer, two: EventStoreDbServer) => hostsOf('esdb', one, two)],
    ['a name to discover', (one: EventStoreDbServer) => hostsOf('esdb+discover', one)],
  ])('is followed (%s given)', async (_, urlOf) => {
    const { cluster, one, two } = await startTwo();
    const store = await open(urlOf(one, two));
    const stream = newStream();
    const hintComes = listen(store, store);
    for (const [revision, leader] of [one, two, one, two].entries()) {
      cluster.leader = leader.endpoint;
      expect(
        await store.append(stream, newEvents(1), { expected: revision === 0 ? 'no-stream' : revision - 1 }),
      ).toMatchObject({ revision });
      expect((await store.readStream(stream)).lastRevision).toBe(revision);
    }
    await hintComes();
  });

  it('is waited for while there is no leader, as far as the deadline goes', async () => {
    const server = await startServer();
    const deadlineMs = 10_000;
    const store = await open(server.url, { deadlineMs });
    const stream = newStream();
    const elected = Date.now() + 2_500;
    server.faults.onCall = () => (Date.now() < elected ? { code: 14, details: 'Server Is Not Ready' } : undefined);
    const events = newEvents(1);
    const [answer] = await Promise.all([
      store.append(stream, events, { expected: 'no-stream' }),
      store.head(),
      open(server.url, { deadlineMs }),
    ]);
    expect(answer).toMatchObject({ revision: 0 });
    expect(await idsIn(store, stream)).toEqual(ids(events));
  });

  it('is followed when the old one is gone', async () => {
    const { cluster, one, two } = await startTwo();
    const store = await open(hostsOf('esdb', one, two));
    const stream = newStream();
    await store.append(stream, newEvents(1), { expected: 'no-stream' });
    await one.stop();
    cluster.nodes.splice(cluster.nodes.indexOf(one.endpoint), 1);
    cluster.leader = two.endpoint;
    expect(await store.append(stream, newEvents(1), { expected: 0 })).toMatchObject({ revision: 1 });
    expect((await store.readStream(stream)).events).toHaveLength(2);
  });
});

const hostsOf = (scheme: string, ...servers: readonly EventStoreDbServer[]): string =>
  `${scheme}://${servers.map(({ endpoint }) => `${endpoint.host}:${endpoint.port}`).join(',')}?tls=false`;

describe('the hint', () => {
  it.each([
    ['dropped as a reader that is too slow', (server: EventStoreDbServer) => void server.dropSubscriptions()],
    [
      'lost with the server',
      async (server: EventStoreDbServer) => {
        await server.stop();
        await sleep(300);
        await server.start();
      },
    ],
  ])('comes back after its subscription was %s', async (_, harm) => {
    const server = await startServer();
    const incidents: Incident[] = [];
    const store = await open(server.url, { observe: (incident) => incidents.push(incident) });
    const hintComes = listen(store, await open(server.url));
    for (let i = 0; i < 3; i += 1) {
      await hintComes();
      await harm(server);
    }
    await hintComes();
    expect(incidents.filter(({ kind }) => kind === 'hint-renewed').length).toBeGreaterThanOrEqual(3);
  });

  it.each([
    ['ended by the server', 'half-close'],
    ['refused', { code: 14, details: 'Server Is Not Ready' }],
  ] as const)('comes in the end where its subscription is %s at first', async (_, reaction) => {
    const server = await startServer();
    const store = await open(server.url);
    server.faults.onCall = first(2, 'Subscribe', reaction);
    await listen(store, store)();
  });

  it('is renewed ever more slowly where its subscription is confirmed and dropped again', async () => {
    const server = await startServer();
    const incidents: Incident[] = [];
    const store = await open(server.url, { observe: (incident) => incidents.push(incident) });
    const dropping = setInterval(() => server.dropSubscriptions(), 5);
    closers.push(() => clearInterval(dropping));
    store.onAppended(() => undefined);
    await sleep(3_000);
    // After 100, 200, 400, 800 and 1,600 ms, give or take a half.
    expect(incidents.filter(({ kind }) => kind === 'hint-renewed').length).toBeLessThanOrEqual(7);
  });

  it('wakes readers when it is back, since something may have come in between', async () => {
    const server = await startServer();
    const store = await open(server.url);
    let hints = 0;
    store.onAppended(() => (hints += 1));
    await until(() => hints > 0); // its subscription is confirmed
    const before = hints;
    expect(server.dropSubscriptions()).toBe(1);
    await until(() => hints > before);
  });
});
