import { jest } from '@jest/globals';
import { type CommandContext, newId, streamName, WaybillError } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { counter, type CounterCommand } from './fixtures/counter.js';
import { type EventStore, handleCommand, loadStream, readEvents, toNewEvents } from './index.js';
import { openPostgresEventStore } from './postgres/index.js';

let place: TestDatabase;
let database: Database;
let wakeups: Wakeups;
let store: EventStore;

beforeAll(async () => {
  place = await testDatabase();
  database = await openDatabase({ url: place.url, schema: 'log' });
  wakeups = openWakeups(place.url);
  store = await openPostgresEventStore({ database, wakeups });
});
afterAll(async () => {
  await store.close();
  await wakeups.close();
  await database.close();
  await place.drop();
});

const context = (more: Partial<CommandContext> = {}): CommandContext => ({
  tenant: 'acme',
  sandbox: 'prod',
  commandId: newId(),
  actor: 'ada',
  at: '2026-01-02T03:04:05Z',
  correlationId: 'correlation',
  ...more,
});
const open: CounterCommand = { type: 'open', by: 'ada' };
const count = (times = 1): CounterCommand => ({ type: 'count', times });
const newStream = (): string => streamName(counter.category, newId());
const handle = (stream: string, command: CounterCommand, more?: Partial<CommandContext>, on = store) =>
  handleCommand(on, counter, stream, command, context(more));
const lastRevision = async (stream: string) => (await store.readStream(stream, { max: 1 })).lastRevision;

/** The store, with `append` going through `around`. */
const withAppend = (
  around: (append: EventStore['append'], ...args: Parameters<EventStore['append']>) => ReturnType<EventStore['append']>,
): EventStore => ({
  ...store,
  append: (...args) => around(store.append, ...args),
});

describe('handling a command', () => {
  it('appends what was decided and answers what came of it', async () => {
    const stream = newStream();
    await handle(stream, open);
    const handled = await handle(stream, count(2), {
      commandId: 'd0d6d8b4-5cc8-4d86-9d3a-3d4f0b1a1c11',
      traceparent: '00-a-b-01',
    });
    const { events } = await store.readStream(stream);
    expect(handled).toEqual({
      id: stream.slice('counter-'.length),
      state: { opened: true, total: 2 },
      events: [
        { type: 'Counted.v2', data: { steps: 1 } },
        { type: 'Counted.v2', data: { steps: 1 } },
      ],
      revision: 2,
      position: events[2]?.position,
    });
    expect(events[2]?.metadata).toEqual({
      tenant: 'acme',
      sandbox: 'prod',
      actor: 'ada',
      correlationId: 'correlation',
      causationId: 'd0d6d8b4-5cc8-4d86-9d3a-3d4f0b1a1c11',
      occurredAt: '2026-01-02T03:04:05Z',
      traceparent: '00-a-b-01',
    });
  });

  it('answers where the stream is when nothing follows from the command', async () => {
    const stream = newStream();
    const { revision, position } = await handle(stream, open);
    expect(await handle(stream, open)).toMatchObject({ events: [], revision, position });
    expect(await lastRevision(stream)).toBe(0);
  });

  it('passes a refusal on, having written nothing', async () => {
    const stream = newStream();
    await expect(handle(stream, count())).rejects.toMatchObject({ slug: 'counter-not-open' });
    expect(await lastRevision(stream)).toBe(-1);
  });

  it('gives the first outcome again when the same command comes again, whatever happened since', async () => {
    const stream = newStream();
    await handle(stream, open);
    const commandId = newId();
    const first = await handle(stream, count(2), { commandId });
    await handle(stream, count(3));
    expect(await handle(stream, count(2), { commandId })).toEqual(first);
    expect(await handle(stream, count(2), { commandId, expectedRevision: 0 })).toEqual(first);
    expect(await lastRevision(stream)).toBe(5);
  });

  it('writes once when 12 send the same command at the same time', async () => {
    const stream = newStream();
    const commandId = newId();
    const handled = await Promise.all(Array.from({ length: 12 }, () => handle(stream, open, { commandId })));
    expect(new Set(handled.map(({ revision, position }) => `${revision} ${position}`)).size).toBe(1);
    expect(await lastRevision(stream)).toBe(0);
  });

  it('decides again on what somebody else appended in between', async () => {
    const stream = newStream();
    await handle(stream, open);
    let interfered = false;
    const contended = withAppend(async (append, ...args) => {
      if (!interfered) {
        interfered = true;
        await handle(stream, count(5));
      }
      return append(...args);
    });
    expect(await handle(stream, count(), {}, contended)).toMatchObject({ revision: 6, state: { total: 6 } });
  });

  it('gives up at the third time, saying that the command may be repeated', async () => {
    const stream = newStream();
    await handle(stream, open);
    let tries = 0;
    const contended = withAppend(async (append, ...args) => {
      tries += 1;
      await handle(stream, count());
      return append(...args);
    });
    await expect(handle(stream, count(), {}, contended)).rejects.toMatchObject({
      slug: 'stream-busy',
      kind: 'unavailable',
    });
    expect(tries).toBe(3);
    expect(await lastRevision(stream)).toBe(3);
  });

  it.each([[0], [2], [7]])(
    'refuses revision %s of a caller who named it when the stream is at 1',
    async (expectedRevision) => {
      const stream = newStream();
      await handle(stream, open);
      await handle(stream, count());
      await expect(handle(stream, count(), { expectedRevision })).rejects.toMatchObject({
        slug: 'version-mismatch',
        kind: 'version-conflict',
      });
      expect(await handle(stream, count(), { expectedRevision: 1 })).toMatchObject({ revision: 2 });
    },
  );

  it('leaves a conflict to the caller who named a revision, without deciding again', async () => {
    const stream = newStream();
    await handle(stream, open);
    const contended = withAppend(async (append, ...args) => {
      await handle(stream, count());
      return append(...args);
    });
    await expect(handle(stream, count(), { expectedRevision: 0 }, contended)).rejects.toMatchObject({
      slug: 'version-mismatch',
    });
    expect(await lastRevision(stream)).toBe(1);
  });

  const unknown = () => new WaybillError('outcome-unknown', 'unavailable', 'cut');

  it('finds its events when the answer to the append was lost', async () => {
    const stream = newStream();
    await handle(stream, open);
    let cuts = 0;
    const cut = withAppend(async (append, ...args) => {
      await append(...args);
      cuts += 1;
      throw unknown();
    });
    expect(await handle(stream, count(), {}, cut)).toMatchObject({
      revision: 1,
      state: { total: 1 },
    });
    expect(cuts).toBe(1);
    expect(await lastRevision(stream)).toBe(1);
  });

  it('appends again when the append itself was lost, and once even if it comes through late', async () => {
    const stream = newStream();
    await handle(stream, open);
    let late: Promise<unknown> | undefined;
    const slow = withAppend((append, ...args) => {
      if (late) return append(...args);
      late = new Promise((resolve) => setTimeout(resolve, 200)).then(() => append(...args));
      return Promise.reject(unknown());
    });
    expect(await handle(stream, count(), {}, slow)).toMatchObject({ revision: 1 });
    expect(await late).toMatchObject({ revision: 1 });
    expect(await lastRevision(stream)).toBe(1);
  });

  it('says that it does not know when the log took long to say so: it has tried for itself', async () => {
    const stream = newStream();
    await handle(stream, open);
    let tries = 0;
    const clock = jest.spyOn(performance, 'now');
    const slow = withAppend(() => {
      tries += 1;
      clock.mockReturnValue(performance.now() + 8_000);
      return Promise.reject(unknown());
    });
    await expect(handle(stream, count(), {}, slow)).rejects.toMatchObject({ slug: 'outcome-unknown' });
    clock.mockRestore();
    expect(tries).toBe(1);
  });

  it('says that it does not know when it never gets an answer', async () => {
    const silent = withAppend(() => Promise.reject(unknown()));
    await expect(handle(newStream(), open, {}, silent)).rejects.toMatchObject({ slug: 'outcome-unknown' });
  });

  it.each([{ tenant: 'other' }, { sandbox: 'dev' }])(
    'finds nothing in a stream of another tenant or sandbox: %j',
    async (scope) => {
      const stream = newStream();
      await handle(stream, open);
      await expect(handle(stream, count(), scope)).rejects.toMatchObject({ slug: 'not-found', kind: 'not-found' });
      expect(await lastRevision(stream)).toBe(0);
    },
  );

  it('folds streams that are longer than a page, old shapes among the events', async () => {
    const stream = newStream();
    await handle(stream, open);
    const old = Array.from({ length: 1_200 }, () => ({ type: 'Counted', data: {} }));
    await store.append(stream, toNewEvents(stream, old, context()), { expected: 0 });
    expect(await handle(stream, count())).toMatchObject({ revision: 1_201, state: { total: 1_201 } });

    const types: string[] = [];
    for await (const event of readEvents(store, counter, stream)) types.push(event.type);
    expect(types).toHaveLength(1_202);
    expect(new Set(types)).toEqual(new Set(['CounterOpened', 'Counted.v2']));
    expect(await loadStream(store, counter, stream)).toMatchObject({
      state: { total: 1_201 },
      revision: 1_201,
      first: { type: 'CounterOpened', revision: 0 },
      last: { type: 'Counted.v2', revision: 1_201 },
    });
  });

  it('loads a stream as it stood at a revision, and nothing where there is none', async () => {
    const stream = newStream();
    await handle(stream, open);
    await handle(stream, count(3));
    expect(await loadStream(store, counter, stream, { upTo: 2 })).toMatchObject({ state: { total: 2 }, revision: 2 });
    expect(await loadStream(store, counter, newStream())).toEqual({
      state: { opened: false, total: 0 },
      revision: -1,
    });
  });
});
