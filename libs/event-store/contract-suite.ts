import { idFrom, newId, type RecordedEvent, streamName } from '@waybill/kernel';
import { type EventStore, type ExpectedRevision, MAX_EVENT_BYTES, type NewEvent, type Position } from './port.js';

/** A log, which need not be empty, and any number of clients on it. */
export interface LogUnderTest {
  openStore(): Promise<EventStore>;
  /** Also closes what was opened. */
  close(): Promise<void>;
}

/** What the port promises, asked of an adapter. */
export const eventStoreContract = (name: string, openLog: () => Promise<LogUnderTest>): void => {
  describe(`the event store contract: ${name}`, () => {
    let log: LogUnderTest;
    let store: EventStore;

    beforeAll(async () => {
      log = await openLog();
      store = await log.openStore();
    });
    afterAll(() => log.close());

    const appended = (stream: string, count = 1, from?: number) =>
      store.append(stream, newEvents(count), { expected: from ?? 'no-stream' });

    describe('appending', () => {
      it('keeps every field as it was given', async () => {
        const stream = newStream();
        const [event] = newEvents(1) as [NewEvent];
        const before = Date.now();
        const { position } = await store.append(stream, [event], { expected: 'no-stream' });
        const { events, lastRevision } = await store.readStream(stream);
        expect(events).toEqual([{ ...event, stream, revision: 0, position, recordedAt: expect.any(String) as string }]);
        expect(lastRevision).toBe(0);
        const recordedAt = events[0]?.recordedAt ?? '';
        expect(recordedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        expect(Math.abs(Date.parse(recordedAt) - before)).toBeLessThan(60_000);
      });

      it('counts revisions from 0 and answers those of the last event', async () => {
        const stream = newStream();
        expect(await appended(stream)).toMatchObject({ revision: 0 });
        expect(await appended(stream, 3, 0)).toMatchObject({ revision: 3 });
        const last = await appended(stream, 2, 3);
        expect(last).toMatchObject({ revision: 5 });
        const { events } = await store.readStream(stream);
        expect(events.map(({ revision }) => revision)).toEqual([0, 1, 2, 3, 4, 5]);
        expect(events.at(-1)?.position).toBe(last.position);
      });

      it.each([
        ['a new stream that is there', 1, 'no-stream'],
        ['a revision that is past', 2, 0],
        ['a revision that is not there yet', 1, 1],
        ['a revision of a stream that does not exist', 0, 0],
      ] as const)('refuses what expects %s, and writes nothing', async (_, present, expected) => {
        const stream = newStream();
        if (present > 0) await appended(stream, present);
        await expect(store.append(stream, newEvents(2), { expected })).rejects.toMatchObject({
          slug: 'revision-conflict',
          kind: 'conflict',
        });
        expect((await store.readStream(stream)).lastRevision).toBe(present - 1);
      });

      it('lets one of 12 writers that saw the same revision win', async () => {
        const stream = newStream();
        await appended(stream);
        const writers = await Promise.all(Array.from({ length: 12 }, () => log.openStore()));
        const results = await Promise.allSettled(
          writers.map((writer) => writer.append(stream, newEvents(1), { expected: 0 })),
        );
        expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ slug: 'revision-conflict' });
        }
        expect((await store.readStream(stream)).lastRevision).toBe(1);
      });
    });

    describe('appending the same again', () => {
      it('succeeds with the first answer', async () => {
        const stream = newStream();
        const events = newEvents(3);
        const first = await store.append(stream, events, { expected: 'no-stream' });
        expect(await store.append(stream, events, { expected: 'no-stream' })).toEqual(first);
        expect((await store.readStream(stream)).lastRevision).toBe(2);
      });

      it('succeeds with the first answer after other appends, and from another client', async () => {
        const stream = newStream();
        await appended(stream);
        const events = newEvents(2);
        const first = await store.append(stream, events, { expected: 0 });
        await appended(stream, 4, 2);
        const other = await log.openStore();
        expect(await other.append(stream, events, { expected: 0 })).toEqual(first);
        expect((await store.readStream(stream)).lastRevision).toBe(6);
      });

      it('succeeds for a leading part of it', async () => {
        const stream = newStream();
        const events = newEvents(3);
        await store.append(stream, events, { expected: 'no-stream' });
        const again = await store.append(stream, events.slice(0, 2), { expected: 'no-stream' });
        const { events: recorded } = await store.readStream(stream);
        expect(again).toEqual({ revision: 1, position: recorded[1]?.position });
        expect(recorded).toHaveLength(3);
      });

      it('writes once when 12 clients send it at the same time', async () => {
        const stream = newStream();
        const events = newEvents(2);
        const clients = await Promise.all(Array.from({ length: 12 }, () => log.openStore()));
        const answers = await Promise.all(
          clients.map((client) => client.append(stream, events, { expected: 'no-stream' })),
        );
        expect(new Set(answers.map(({ revision, position }) => `${revision} ${position}`)).size).toBe(1);
        expect((await store.readStream(stream)).lastRevision).toBe(1);
      });

      it('is a conflict with a further event behind it', async () => {
        const stream = newStream();
        const events = newEvents(2);
        await store.append(stream, events, { expected: 'no-stream' });
        await expect(
          store.append(stream, [...events, ...newEvents(1)], { expected: 'no-stream' }),
        ).rejects.toMatchObject({ slug: 'revision-conflict' });
        expect((await store.readStream(stream)).lastRevision).toBe(1);
      });

      it('is a conflict when it expects a revision that is wrong for it', async () => {
        const stream = newStream();
        const events = newEvents(2);
        await store.append(stream, events, { expected: 'no-stream' });
        await appended(stream, 2, 1);
        await expect(store.append(stream, events, { expected: 2 })).rejects.toMatchObject({
          slug: 'revision-conflict',
        });
        expect((await store.readStream(stream)).lastRevision).toBe(3);
      });

      it('is another append where it expects what is there now, and in another stream', async () => {
        const [stream, other] = [newStream(), newStream()];
        const events = newEvents(2);
        await store.append(stream, events, { expected: 'no-stream' });
        expect(await store.append(stream, events, { expected: 1 })).toMatchObject({ revision: 3 });
        expect(await store.append(other, events, { expected: 'no-stream' })).toMatchObject({ revision: 1 });
      });
    });

    describe('what is kept', () => {
      it.each([
        ['every script, and more than 16 bits', { text: 'Zoë 漢字 🎈 \u202e \ufeff é e\u0301' }],
        ['control characters, NUL among them', { text: '\u0000\u0001\b\t\n\r\u001f\u007f' }],
        ['quotes and backslashes', { text: `"'\\\\n\\u0041{}` }],
        ['half a surrogate pair', { text: 'a\ud800b' }],
        ['names of members', { 'a.b': 1, '': 2, __waybill: { $type: 'x' } }],
        ['numbers', { values: [0, -1, 0.1, 1e308, 5e-324, 9007199254740991, -9007199254740991] }],
        ['nothing, in its forms', { a: null, b: [], c: {}, d: '', e: false }],
        ['nesting', { a: [[[[[{ b: [{ c: [null] }] }]]]]] }],
      ])('is the data to the character: %s', async (_, data) => {
        const stream = newStream();
        await store.append(stream, [{ ...newEvent(), data }], { expected: 'no-stream' });
        expect((await store.readStream(stream)).events[0]?.data).toEqual(data);
      });

      it('is the order of members too', async () => {
        const stream = newStream();
        await store.append(stream, [{ ...newEvent(), data: { z: 1, a: 2, m: 3 } }], { expected: 'no-stream' });
        expect(Object.keys((await store.readStream(stream)).events[0]?.data ?? {})).toEqual(['z', 'a', 'm']);
      });
    });

    describe('limits', () => {
      const dataOf = (bytes: number, character = 'x') => {
        const room = bytes - Buffer.byteLength('{"text":""}');
        return { text: character.repeat(room / Buffer.byteLength(character)) };
      };

      it.each([['x'], ['é']])('takes an event of exactly 64 KiB (made of %s)', async (character) => {
        const stream = newStream();
        const data = dataOf(MAX_EVENT_BYTES - (character === 'é' ? 1 : 0), character);
        await store.append(stream, [{ ...newEvent(), data }], { expected: 'no-stream' });
        expect((await store.readStream(stream)).events[0]?.data).toEqual(data);
      });

      it('refuses an event of one byte more, and everything beside it', async () => {
        const stream = newStream();
        const large = { ...newEvent(), data: dataOf(MAX_EVENT_BYTES + 1) };
        await expect(store.append(stream, [newEvent(), large], { expected: 'no-stream' })).rejects.toMatchObject({
          slug: 'event-too-large',
          kind: 'too-large',
          message: expect.stringMatching(/65537 bytes.*65536/) as string,
        });
        expect((await store.readStream(stream)).lastRevision).toBe(-1);
      });

      it('takes 15 events of 64 KiB at once and refuses 16, which make more than 1 MB', async () => {
        const stream = newStream();
        const large = (count: number) => newEvents(count).map((event) => ({ ...event, data: dataOf(MAX_EVENT_BYTES) }));
        await expect(store.append(stream, large(16), { expected: 'no-stream' })).rejects.toMatchObject({
          slug: 'event-too-large',
        });
        expect(await store.append(stream, large(15), { expected: 'no-stream' })).toMatchObject({ revision: 14 });
      });

      it.each([
        ['a stream without a category', { stream: newId().replaceAll('-', '') }],
        ['a stream with an empty category', { stream: `-${newId()}` }],
        ['a stream of the engine', { stream: `$system-${newId()}` }],
        ['a stream name with a blank', { stream: `a b-${newId()}` }],
        ['a stream name with NUL', { stream: `a\u0000-${newId()}` }],
        ['a stream name of 300 characters', { stream: `a-${'x'.repeat(300)}` }],
        ['no type', { type: '' }],
        ['a type with NUL', { type: 'Named\u0000' }],
        ['an id that is no UUID', { id: '1' }],
      ])('refuses %s', async (_, wrong: { stream?: string; type?: string; id?: string }) => {
        const { stream = newStream(), ...event } = wrong;
        await expect(
          store.append(stream, [{ ...newEvent(), ...event }], { expected: 'no-stream' }),
        ).rejects.toMatchObject({ slug: 'event-malformed', kind: 'malformed' });
      });

      it('refuses no events, one id twice, and a revision that is none', async () => {
        const event = newEvent();
        const malformed = { slug: 'event-malformed' };
        for (const events of [[], [event, event]]) {
          await expect(store.append(newStream(), events, { expected: 'no-stream' })).rejects.toMatchObject(malformed);
        }
        for (const expected of [-1, 0.5, NaN]) {
          await expect(store.append(newStream(), [event], { expected })).rejects.toMatchObject(malformed);
        }
      });
    });

    describe('reading a stream', () => {
      const stream = newStream();
      beforeAll(() => appended(stream, 10));
      const revisions = async (...[options]: [Parameters<EventStore['readStream']>[1]]) =>
        (await store.readStream(stream, options)).events.map(({ revision }) => revision);

      it('goes forwards from the first and backwards from the last, or from where it is told', async () => {
        expect(await revisions({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        expect(await revisions({ from: 7 })).toEqual([7, 8, 9]);
        expect(await revisions({ from: 3, max: 2 })).toEqual([3, 4]);
        expect(await revisions({ direction: 'backwards' })).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
        expect(await revisions({ direction: 'backwards', max: 1 })).toEqual([9]);
        expect(await revisions({ direction: 'backwards', from: 2 })).toEqual([2, 1, 0]);
        expect(await revisions({ from: 10 })).toEqual([]);
      });

      it('says which revision is the last, whatever was asked for', async () => {
        for (const options of [{ max: 1 }, { from: 10 }, { direction: 'backwards', from: 2 }] as const) {
          expect((await store.readStream(stream, options)).lastRevision).toBe(9);
        }
      });

      it('finds nothing in a stream that does not exist', async () => {
        expect(await store.readStream(newStream())).toEqual({ events: [], lastRevision: -1 });
      });

      it('answers 500 events unless told otherwise', async () => {
        const long = newStream();
        await appended(long, 501);
        const slice = await store.readStream(long);
        expect(slice.events).toHaveLength(500);
        expect(slice.lastRevision).toBe(500);
      });

      it.each([[0], [-1], [1.5], [10_001]])('refuses a page of %s events', async (max) => {
        await expect(store.readStream(stream, { max })).rejects.toMatchObject({ slug: 'page-size-malformed' });
        await expect(store.readAll(store.start, { max })).rejects.toMatchObject({ slug: 'page-size-malformed' });
      });
    });

    describe('reading the log', () => {
      it('goes on after a position, in order, as far as it is told', async () => {
        const start = await store.head();
        const category = newCategory();
        const first = await appended(newStream(category), 2);
        const second = await appended(newStream(category), 2);
        const slice = await store.readAll(start, { categories: [category], max: 3 });
        expect(slice.events).toHaveLength(3);
        expect(slice.events[1]?.position).toBe(first.position);
        expect(slice.position).toBe(slice.events[2]?.position);
        expect(slice.atEnd).toBe(false);
        const rest = await store.readAll(slice.position, { categories: [category], max: 3 });
        expect(rest.events.map(({ position }) => position)).toEqual([second.position]);
        expect(rest.atEnd).toBe(true);
        expect((await store.readAll(rest.position, { categories: [category] })).events).toEqual([]);
      });

      it('shows events as reading their streams does', async () => {
        const start = await store.head();
        const stream = newStream();
        await appended(stream, 3);
        const { events } = await store.readAll(start, { categories: [categoryOfStream(stream)] });
        expect(events).toEqual((await store.readStream(stream)).events);
      });

      it('answers the categories asked for, in the order of the log, and no category that begins alike', async () => {
        const start = await store.head();
        const [a, b] = [newCategory(), newCategory()];
        const names = [a, b, `${a}x`, a, b, newCategory()];
        for (const category of names) await appended(newStream(category));
        const { events } = await store.readAll(start, { categories: [b, a] });
        expect(events.map(({ stream }) => categoryOfStream(stream))).toEqual([a, b, a, b]);
        const every: string[] = [];
        for (let slice = { position: start, atEnd: false }; !slice.atEnd;) {
          const next = await store.readAll(slice.position);
          every.push(...next.events.map(({ stream }) => categoryOfStream(stream)));
          slice = next;
        }
        expect(every.filter((name) => names.includes(name))).toEqual(names);
      });

      it('moves past events that no category matches', async () => {
        const start = await store.head();
        const { position } = await appended(newStream(), 20);
        const slice = await store.readAll(start, { categories: [newCategory()] });
        expect(slice.events).toEqual([]);
        expect(slice.atEnd).toBe(true);
        expect(store.compare(slice.position, position)).toBeGreaterThanOrEqual(0);
      });

      it('comes to the end past any number of them', async () => {
        const start = await store.head();
        const other = newStream();
        for (let from = 0; from < 6_000; from += 2_000) {
          const events = Array.from({ length: 2_000 }, () => ({ ...newEvent(), data: {} }));
          await store.append(other, events, { expected: from === 0 ? 'no-stream' : from - 1 });
        }
        const { position } = await appended(newStream('rare'));
        const seen: RecordedEvent[] = [];
        for (let slice = { position: start, atEnd: false }; !slice.atEnd;) {
          const next = await store.readAll(slice.position, { categories: ['rare'] });
          expect(store.compare(next.position, slice.position)).toBeGreaterThan(0);
          seen.push(...next.events);
          slice = next;
        }
        expect(seen.map((event) => event.position)).toEqual([position]);
      });

      it('stays where it is at the end', async () => {
        const { position } = await appended(newStream());
        const slice = await store.readAll(position, { categories: [newCategory()] });
        expect(slice.events).toEqual([]);
        expect(store.compare(slice.position, position)).toBeGreaterThanOrEqual(0);
      });

      it('knows the position of the newest event', async () => {
        const { position } = await appended(newStream());
        expect(store.compare(await store.head(), position)).toBeGreaterThanOrEqual(0);
        const last = await appended(newStream());
        expect(store.compare(last.position, position)).toBeGreaterThan(0);
      });

      it('orders positions by size, and refuses what is none', async () => {
        const { position } = await appended(newStream(), 12);
        expect(store.compare(position, position)).toBe(0);
        expect(store.compare(store.start, position)).toBeLessThan(0);
        expect(store.compare(position, store.start)).toBeGreaterThan(0);
        expect(store.compare('9', '10')).toBeLessThan(0);
        for (const wrong of ['', '-1', '1.5', 'x', '01', '1 ', '9'.repeat(30)]) {
          expect(() => store.compare(wrong, position)).toThrow(
            expect.objectContaining({ slug: 'position-malformed', kind: 'malformed' }) as Error,
          );
          await expect(store.readAll(wrong)).rejects.toMatchObject({ slug: 'position-malformed' });
        }
      });

      it('skips nothing and repeats nothing while 12 writers append', async () => {
        const category = newCategory();
        const start = await store.head();
        const written = new Set<string>();
        const writers = await Promise.all(Array.from({ length: 12 }, () => log.openStore()));
        let writing = true;
        const allWritten = Promise.all(
          writers.map(async (writer, n) => {
            const stream = newStream(category);
            let expected: ExpectedRevision = 'no-stream';
            for (let i = 0; i < 40; i += 1) {
              const events = newEvents(1 + ((i + n) % 3));
              expected = (await writer.append(stream, events, { expected })).revision;
              events.forEach(({ id }) => written.add(id));
            }
          }),
        ).finally(() => (writing = false));

        const seen: RecordedEvent[] = [];
        let position: Position = start;
        for (;;) {
          const wasWriting = writing;
          const slice = await store.readAll(position, { categories: [category], max: 50 });
          seen.push(...slice.events);
          position = slice.position;
          if (slice.atEnd && !wasWriting) break;
        }
        await allWritten;

        expect(written.size).toBe(960);
        expect(seen.map(({ id }) => id).toSorted()).toEqual([...written].toSorted());
        const next = new Map<string, number>();
        for (const { stream, revision } of seen) {
          expect(revision).toBe(next.get(stream) ?? 0);
          next.set(stream, revision + 1);
        }
        for (const [index, { position: at }] of seen.entries()) {
          expect(store.compare(at, seen[index - 1]?.position ?? start)).toBeGreaterThan(0);
        }
      });
    });

    describe('the hint', () => {
      it('comes when another client appends, until it is declined', async () => {
        const other = await log.openStore();
        let hints = 0;
        let decline = (): void => undefined;
        const hint = new Promise<void>((resolve) => {
          decline = store.onAppended(() => {
            hints += 1;
            resolve();
          });
        });
        // It may be lost while the listener is still connecting: that is what makes it a hint.
        const writing = setInterval(() => void other.append(newStream(), newEvents(1), { expected: 'no-stream' }), 100);
        await hint.finally(() => clearInterval(writing));
        decline();
        await appended(newStream());
        const declined = hints;
        await appended(newStream());
        await new Promise((resolve) => setTimeout(resolve, 100));
        expect(hints).toBe(declined);
      });
    });
  });
};

/** Drawn, so that a log that was used before serves as well. */
const newCategory = (): string => `c${newId().replaceAll('-', '')}`;
const newStream = (category = newCategory()): string => streamName(category, newId());
const categoryOfStream = (stream: string): string => stream.split('-')[0] ?? '';

const newEvent = (): NewEvent => ({
  id: newId(),
  type: 'SomethingHappened.v2',
  data: { text: 'yes', at: '2026-01-02T03:04:05Z', list: [1, 2, 3] },
  metadata: {
    tenant: 'acme',
    sandbox: 'prod',
    actor: 'ada@example.com',
    correlationId: newId(),
    causationId: idFrom('a command', newId()),
    occurredAt: '2026-01-02T03:04:05.678Z',
  },
});

const newEvents = (count: number): NewEvent[] => Array.from({ length: count }, newEvent);
