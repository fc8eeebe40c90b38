import { setTimeout as sleep } from 'node:timers/promises';
import type { EventOutcome, EventRecord } from '@waybill/connectors';
import { WaybillError } from '@waybill/kernel';
import fc from 'fast-check';
import { eventOf, memoryFeed, type MemoryEvent, MemoryLedger } from './testing/memory-feed.js';
import { type Fault, type Landed, memoryPartner } from './testing/memory-partner.js';
import { LIMITS, openTenure, QUIET, senderFor, until } from './testing/sender.js';

const failed = (code = 'InternalFailure'): EventOutcome => ({ sent: false, code, message: 'no', kind: 'failed' });
const throttled: EventOutcome = { sent: false, code: 'SlowDown', message: 'too fast', kind: 'throttled' };
const away = () => new WaybillError('partner-timeout', 'unavailable', 'no answer');

const changeOf = ({ eventId }: Landed): number => Number(eventId.split('#')[1]);

/** Duplicates of the last one of a key may come; nothing older ever. */
const expectOrderPerKey = (landed: readonly Landed[]): void => {
  const last = new Map<string, number>();
  for (const record of landed) {
    expect(changeOf(record)).toBeGreaterThanOrEqual(last.get(record.key) ?? 0);
    last.set(record.key, changeOf(record));
  }
};

const firstArrivals = (landed: readonly Landed[]): readonly Landed[] => {
  const seen = new Set<string>();
  return landed.filter(({ eventId }) => !seen.has(eventId) && seen.add(eventId));
};

/** What befalls each request, over and over: a number between 0 and 1 for each record, or the whole destination. */
const plan = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant('works' as const) },
    { weight: 3, arbitrary: fc.array(fc.constantFrom('ok', 'failed', 'throttled'), { minLength: 1, maxLength: 10 }) },
    { weight: 1, arbitrary: fc.record({ landed: fc.nat(10) }) },
  ),
  { minLength: 1, maxLength: 12 },
);
type Plan = typeof plan extends fc.Arbitrary<infer P> ? P : never;

const faultsOf = (steps: Plan, atomic: boolean): Fault => {
  let request = 0;
  return (records: readonly EventRecord[]) => {
    const step = steps[request++ % steps.length]!;
    if (step === 'works' || request % 5 === 0) return undefined;
    if ('landed' in step) return { landed: atomic && step.landed < 5 ? 0 : records.length, error: away() };
    const kinds = atomic ? records.map(() => step[0]!) : records.map((_, at) => step[at % step.length]!);
    return {
      outcomes: kinds.map((kind) => (kind === 'ok' ? { sent: true } : kind === 'failed' ? failed() : throttled)),
    };
  };
};

const events = fc
  .array(fc.record({ profile: fc.nat(7), gap: fc.integer({ min: 1, max: 3 }) }), {
    minLength: 1,
    maxLength: 150,
    size: 'max',
  })
  .map((steps) => {
    let change = 0;
    return steps.map(({ profile, gap }) => eventOf(`p${profile}`, (change += gap), `k${profile % 5}`));
  });

describe('Sending to one destination', () => {
  it.each([false, true])(
    'loses nothing and keeps the order of each key, whatever fails (atomic: %s)',
    async (atomic) => {
      await fc.assert(
        fc.asyncProperty(events, plan, async (log, steps) => {
          const partner = memoryPartner({ atomic, fault: faultsOf(steps, atomic) });
          const ledger = new MemoryLedger();
          const sender = senderFor(partner, ledger, [memoryFeed(log)]);
          await until(() => ledger.positions.get('live') === log.length);
          await sender.drain(1_000);
          expect(new Set(partner.landed.map(({ eventId }) => eventId))).toEqual(new Set(log.map((one) => one.eventId)));
          // A whole batch whose answer was lost comes again as a whole: there only the first arrivals are in order.
          expectOrderPerKey(atomic ? firstArrivals(partner.landed) : partner.landed);
          expect(partner.mostAtOnce).toBeLessThanOrEqual(LIMITS.requests);
          expect(ledger.total('written')).toBe(log.length);
        }),
        { numRuns: 30 },
      );
    },
    120_000,
  );

  it('puts at most one record of a key into a request that may land in part', async () => {
    const log = Array.from({ length: 100 }, (_, n) => eventOf('p', n + 1, `k${n % 3}`));
    const partner = memoryPartner();
    const ledger = new MemoryLedger();
    const sender = senderFor(partner, ledger, [memoryFeed(log)]);
    await until(() => ledger.positions.get('live') === 100);
    await sender.drain(1_000);
    for (const records of partner.requests) expect(new Set(records.map(({ key }) => key)).size).toBe(records.length);
  });

  it('goes on after a sudden end from what was settled: duplicates have the same id, nothing is lost or older than what came first', async () => {
    await fc.assert(
      fc.asyncProperty(events, plan, fc.nat(30), async (log, steps, endsAfter) => {
        const partner = memoryPartner({ fault: faultsOf(steps, false), latencyMs: () => Math.random() * 2 });
        const ledger = new MemoryLedger();
        const tenure = openTenure();
        const first = senderFor(partner, ledger, [memoryFeed(log)], { tenure });
        await sleep(endsAfter);
        tenure.end();
        const kept = ledger.positions.get('live') ?? 0;
        await first.drain(0);
        const settled = new Set(partner.landed.map(({ eventId }) => eventId));
        for (const { eventId } of log.slice(0, kept)) expect(settled).toContain(eventId);
        const second = senderFor(partner, ledger, [memoryFeed(log, { from: kept })]);
        await until(() => ledger.positions.get('live') === log.length);
        await second.drain(1_000);
        expect(new Set(partner.landed.map(({ eventId }) => eventId))).toEqual(new Set(log.map((one) => one.eventId)));
        expectOrderPerKey(firstArrivals(partner.landed));
      }),
      { numRuns: 30 },
    );
  }, 120_000);

  it('holds back the later records of a key in retry, and no other key', async () => {
    const log = [eventOf('a', 1), eventOf('a', 2), eventOf('b', 3), eventOf('b', 4)];
    let open = false;
    const partner = memoryPartner({
      fault: (records) => ({ outcomes: records.map(({ key }) => (key === 'a' && !open ? failed() : { sent: true })) }),
    });
    const ledger = new MemoryLedger();
    const sender = senderFor(partner, ledger, [memoryFeed(log)]);
    await until(() => partner.landed.length === 2);
    await sleep(20);
    expect(partner.landed.map(({ eventId }) => eventId)).toEqual(['b#3', 'b#4']);
    expect(ledger.positions.get('live')).toBeUndefined();
    open = true;
    await until(() => ledger.positions.get('live') === 4);
    expect(partner.landed.map(({ eventId }) => eventId)).toEqual(['b#3', 'b#4', 'a#1', 'a#2']);
    await sender.drain(1_000);
  });

  it('gives a record up after its budget, at once when it is refused or too large, and its neighbours go on', async () => {
    const log: MemoryEvent[] = [
      eventOf('fails', 1),
      eventOf('refused', 2),
      eventOf('large', 3, 'large', 2_000),
      { change: 4, profileId: 'keyless', eventId: 'keyless#4', code: 'key-missing', message: 'no key' },
      eventOf('fails', 5),
      eventOf('fine', 6),
    ];
    const partner = memoryPartner({
      fault: (records) => ({
        outcomes: records.map(({ properties }): EventOutcome => {
          const id = properties!['eventId'];
          if (id === 'fails#1') return failed('Broken');
          return id === 'refused#2'
            ? { sent: false, code: 'Invalid', message: 'never', kind: 'refused' }
            : { sent: true };
        }),
      }),
    });
    const ledger = new MemoryLedger();
    const limits = { ...LIMITS, retry: { ...LIMITS.retry, attempts: 3 } };
    const others: MemoryEvent[] = [];
    const busy = setInterval(() => others.push(eventOf('other', 7 + others.length)), 2);
    const feeds = [memoryFeed(log), memoryFeed(others, { name: 'others' })];
    const sender = senderFor(partner, ledger, feeds, { limits });
    await until(() => ledger.positions.get('live') === 6);
    clearInterval(busy);
    await sender.drain(1_000);
    const landed = partner.landed.filter(({ key }) => key !== 'other');
    expect(landed.map(({ eventId }) => eventId).toSorted()).toEqual(['fails#5', 'fine#6']);
    const letters = ledger.settlements.flatMap(({ deadLetters }) => deadLetters);
    expect(letters.toSorted((a, b) => a.eventId.localeCompare(b.eventId))).toEqual([
      {
        eventId: 'fails#1',
        change: 1,
        profileId: 'fails',
        code: 'Broken',
        message: 'no',
        attempts: expect.any(Number),
      },
      { eventId: 'keyless#4', change: 4, profileId: 'keyless', code: 'key-missing', message: 'no key', attempts: 0 },
      {
        eventId: 'large#3',
        change: 3,
        profileId: 'large',
        code: 'record-too-large',
        message: expect.stringContaining('2005 bytes'),
        attempts: 0,
      },
      { eventId: 'refused#2', change: 2, profileId: 'refused', code: 'Invalid', message: 'never', attempts: 1 },
    ]);
    const ofLog = ledger.settlements.filter(({ feed }) => feed.name === 'live');
    expect(ofLog.map(({ tally }) => tally)).toContainEqual({
      read: 6,
      written: 2,
      skipped: 0,
      failed: 4,
      exited: 0,
    });
  });

  it('reads no more than its bounds while the partner is away, tells why, and sends all when it is back', async () => {
    let isAway = true;
    let read = 0;
    const log = Array.from({ length: 2_000 }, (_, n) => eventOf(`p${n}`, n + 1));
    const partner = memoryPartner({ fault: () => (isAway ? { landed: 0, error: away() } : undefined) });
    const ledger = new MemoryLedger();
    const feed = memoryFeed(log, { onRead: (page) => void (read += page.length) });
    const sender = senderFor(partner, ledger, [feed]);
    await until(() => sender.state.state === 'unavailable');
    await sleep(50);
    expect(read).toBeLessThanOrEqual(LIMITS.records.live + LIMITS.page);
    expect(sender.state.problem).toEqual({ slug: 'partner-timeout', message: 'no answer' });
    isAway = false;
    await until(() => ledger.positions.get('live') === 2_000);
    expect(sender.state.state).toBe('sending');
    expect(partner.landed).toHaveLength(2_000);
    await sender.drain(1_000);
  });

  it.each([
    ['fails', failed()],
    ['throttles', throttled],
  ])('gives nothing up while the partner %s whatever it is asked, from one moment to the next', async (_, outcome) => {
    let isBroken = false;
    const partner = memoryPartner({
      latencyMs: () => 1,
      fault: (records) => {
        isBroken ||= partner.landed.length > 100;
        return isBroken && !isMended ? { outcomes: records.map(() => outcome) } : undefined;
      },
    });
    let isMended = false;
    const log = Array.from({ length: 200 }, (__, n) => eventOf(`p${n}`, n + 1));
    const ledger = new MemoryLedger();
    const limits = { ...LIMITS, retry: { ...LIMITS.retry, attempts: 3, patienceMs: 5 } };
    const sender = senderFor(partner, ledger, [memoryFeed(log)], { limits });
    const expected = outcome === throttled ? 'throttled' : 'unavailable';
    await until(() => sender.state.state === expected);
    const { length } = partner.requests;
    await until(() => partner.requests.length > length + 60);
    expect(sender.state.state).toBe(expected);
    isMended = true;
    await until(() => ledger.positions.get('live') === 200);
    await sender.drain(1_000);
    expect(ledger.total('failed')).toBe(0);
    expect(ledger.total('written')).toBe(200);
    expect(sender.state.state).toBe('sending');
  });

  it('gives up what is throttled for longer than its patience while others are accepted', async () => {
    const log: MemoryEvent[] = [eventOf('hot', 1)];
    const partner = memoryPartner({
      fault: (records) => ({ outcomes: records.map(({ key }) => (key === 'hot' ? throttled : { sent: true })) }),
    });
    const ledger = new MemoryLedger();
    const limits = { ...LIMITS, retry: { ...LIMITS.retry, patienceMs: 30 } };
    const sender = senderFor(partner, ledger, [memoryFeed(log)], { limits });
    const busy = setInterval(() => log.push(eventOf('other', log.length + 1)), 2);
    await until(() => ledger.deadLetters.has('hot#1'));
    clearInterval(busy);
    expect(partner.landed.length).toBeGreaterThan(0);
    await sender.drain(1_000);
  });

  it('reads no further than its bounds ahead of a record that does not settle, and goes on when it has', async () => {
    let isOpen = false;
    let read = 0;
    const log = Array.from({ length: 2_000 }, (_, n) => eventOf(`p${n}`, n + 1));
    const partner = memoryPartner({
      fault: (records) => ({
        outcomes: records.map(({ key }) => (key === 'p0' && !isOpen ? failed() : { sent: true })),
      }),
    });
    const ledger = new MemoryLedger();
    const feed = memoryFeed(log, { onRead: (page) => void (read += page.length) });
    const limits = { ...LIMITS, retry: { ...LIMITS.retry, longestMs: 1_000 } };
    const sender = senderFor(partner, ledger, [feed], { limits });
    await until(() => read >= LIMITS.records.live * 7);
    await sleep(100);
    expect(read).toBeLessThanOrEqual(LIMITS.records.live * 8 + LIMITS.page);
    expect(ledger.positions.get('live')).toBeUndefined();
    isOpen = true;
    await until(() => ledger.positions.get('live') === 2_000);
    await sender.drain(1_000);
    expect(ledger.total('written')).toBe(2_000);
  });

  it('gives up a record that only it is to blame for, though no more is read than a few that show it', async () => {
    const log = Array.from({ length: 2_000 }, (_, n) => eventOf(`p${n}`, n + 1));
    const partner = memoryPartner({
      fault: (records) => ({ outcomes: records.map(({ key }) => (key === 'p0' ? failed() : { sent: true })) }),
    });
    const ledger = new MemoryLedger();
    const limits = { ...LIMITS, retry: { ...LIMITS.retry, longestMs: 20, attempts: 12 } };
    const sender = senderFor(partner, ledger, [memoryFeed(log)], { limits });
    await until(() => ledger.positions.get('live') === 2_000);
    await sender.drain(1_000);
    expect([...ledger.deadLetters.keys()]).toEqual(['p0#1']);
    expect(ledger.total('written')).toBe(1_999);
  });

  it('reads no more for many backfills than one may hold, and goes through all of them', async () => {
    let read = 0;
    let isAway = true;
    const feeds = Array.from({ length: 20 }, (_, n) =>
      memoryFeed(
        Array.from({ length: 50 }, (__, at) => eventOf(`p${n}-${at}`, 1)),
        {
          name: `backfill ${n}`,
          priority: 'slow',
          ends: true,
          onRead: async (page) => {
            read += page.length;
            await sleep(1);
          },
        },
      ),
    );
    const partner = memoryPartner({ fault: () => (isAway ? { landed: 0, error: away() } : undefined) });
    const ledger = new MemoryLedger();
    const sender = senderFor(partner, ledger, feeds);
    await until(() => sender.state.state === 'unavailable');
    await sleep(100);
    expect(read).toBeLessThanOrEqual(LIMITS.records.slow);
    isAway = false;
    await until(() => feeds.every(({ name }) => ledger.positions.get(name) === 50));
    await sender.drain(1_000);
    expect(partner.landed).toHaveLength(1_000);
  });

  it('reads live changes next, however many backfills wait to be read', async () => {
    const reads: string[] = [];
    const noted = (name: string) => async () => {
      reads.push(name);
      await sleep(5);
    };
    const backfills = Array.from({ length: 20 }, (_, n) =>
      memoryFeed(
        Array.from({ length: 100 }, (__, at) => eventOf(`p${n}-${at}`, 1)),
        { name: `backfill ${n}`, priority: 'slow', ends: true, onRead: noted('slow') },
      ),
    );
    const limits = { ...LIMITS, records: { live: 40, slow: 10_000 } };
    const ledger = new MemoryLedger();
    const sender = senderFor(memoryPartner(), ledger, [memoryFeed([], { onRead: noted('live') }), ...backfills], {
      limits,
    });
    await until(() => reads.length > 60);
    await sender.drain(1_000);
    const slowInARow = reads
      .join(' ')
      .split('live')
      .map((run) => run.trim().split(' ').length);
    expect(Math.max(...slowInARow)).toBeLessThan(10);
  });

  it('keeps a feed that has ended until that is kept, so that nobody begins it again', async () => {
    const partner = memoryPartner();
    const ledger = new MemoryLedger();
    let isKept = false;
    const settle: typeof ledger.settle = async (settlements) => {
      if (!isKept) throw new Error('the database is away');
      await ledger.settle(settlements);
    };
    const feed = memoryFeed([eventOf('p', 1)], { name: 'redelivery', priority: 'slow', ends: true });
    const sender = senderFor(partner, { settle }, [feed]);
    await until(() => partner.landed.length === 1);
    await sleep(30);
    expect(sender.feeds).toEqual([feed]);
    isKept = true;
    await until(() => sender.feeds.length === 0);
    await sender.drain(1_000);
    expect(ledger.total('written')).toBe(1);
  });

  it('says that it sends once it is connected, though there is nothing to send and it was not at first', async () => {
    let opened = 0;
    const partner = memoryPartner();
    const open = () => {
      if ((opened += 1) < 3) throw away();
      return partner.open();
    };
    const sender = senderFor({ open }, new MemoryLedger(), [memoryFeed([])]);
    await until(() => sender.state.state === 'unavailable');
    await until(() => sender.state.state === 'sending');
    await sender.drain(1_000);
  });

  it.each([
    ['refused', 'changes-forgotten', new WaybillError('changes-forgotten', 'conflict', 'forgotten')],
    ['unavailable', 'internal-error', new TypeError('a defect')],
  ])('shows as %s that live changes cannot be read, though a backfill is sent, until they can', async (...args) => {
    const [state, slug, error] = args;
    let isReadable = false;
    const live = memoryFeed([], {
      onRead: () => {
        if (!isReadable) throw error;
      },
    });
    const members: MemoryEvent[] = [];
    const partner = memoryPartner();
    const sender = senderFor(partner, new MemoryLedger(), [
      live,
      memoryFeed(members, { name: 'backfill', priority: 'slow' }),
    ]);
    await until(() => sender.state.state === state);
    for (let n = 1; n <= 5; n += 1) {
      members.push(eventOf(`p${n}`, n));
      await until(() => partner.landed.length === n);
      expect(sender.state).toMatchObject({ state, problem: { slug } });
    }
    isReadable = true;
    await until(() => sender.state.state === 'sending');
    await sender.drain(1_000);
  });

  it('comes again when a partner that is busy asked it to, and not before', async () => {
    const opened: number[] = [];
    const partner = memoryPartner();
    const open = () => {
      opened.push(performance.now());
      if (opened.length > 1) return partner.open();
      throw new WaybillError('partner-unavailable', 'unavailable', 'busy', { retryAfterSeconds: 1 });
    };
    const sender = senderFor({ open }, new MemoryLedger(), [memoryFeed([eventOf('p', 1)])]);
    await until(() => partner.landed.length === 1);
    expect(opened[1]! - opened[0]!).toBeGreaterThanOrEqual(990);
    await sender.drain(1_000);
  });

  it('tells nothing more that was read of a profile before it was erased, wherever it waits, and what came later', async () => {
    let isAway = true;
    const partner = memoryPartner({
      fault: (records) => {
        if (isAway) return { landed: 0, error: away() };
        return { outcomes: records.map(({ key }) => (key === 'stuck' && !isOpen ? failed() : { sent: true })) };
      },
    });
    let isOpen = false;
    const unsendable = { code: 'key-missing', message: 'no key' };
    const log: MemoryEvent[] = [
      eventOf('stuck', 1),
      eventOf('gone', 2),
      { change: 3, profileId: 'gone', eventId: 'gone#3', ...unsendable },
      eventOf('stays', 4, 'gone'),
      eventOf('gone', 6),
    ];
    const ledger = new MemoryLedger();
    const sender = senderFor(partner, ledger, [memoryFeed(log)]);
    await until(() => partner.requests.length > 2);
    sender.forget(({ profileId, change }) => profileId === 'gone' && change <= 5);
    await sleep(0);
    isAway = false;
    await until(() => partner.landed.length === 2);
    isOpen = true;
    await until(() => ledger.positions.get('live') === 5);
    await sender.drain(1_000);
    expect(partner.landed.map(({ eventId }) => eventId).toSorted()).toEqual(['gone#6', 'stays#4', 'stuck#1']);
    expect([...ledger.deadLetters.keys()]).toEqual([]);
    expect(ledger.total('skipped')).toBe(2);
  });

  it('does not try again what was in a request when its profile was erased', async () => {
    const partner = memoryPartner({
      fault: (records) => {
        sender.forget(({ profileId }) => profileId === 'gone');
        return { outcomes: records.map(({ key }) => (key === 'gone' ? failed() : { sent: true })) };
      },
      latencyMs: () => 20,
    });
    const ledger = new MemoryLedger();
    const sender = senderFor(partner, ledger, [memoryFeed([eventOf('gone', 1), eventOf('stays', 2)])]);
    await until(() => ledger.positions.get('live') === 2);
    await sender.drain(1_000);
    expect(partner.requests).toHaveLength(1);
    expect(ledger.total('skipped')).toBe(1);
  });

  it('lets go of the dead letters of an erased profile that could not be kept yet', async () => {
    let isAway = true;
    const ledger = new MemoryLedger();
    const settle: typeof ledger.settle = (settlements) =>
      isAway ? Promise.reject(away()) : ledger.settle(settlements);
    const keyless = (profileId: string, change: number): MemoryEvent => ({
      ...{ change, profileId, eventId: `${profileId}#${change}`, code: 'key-missing', message: 'no key' },
    });
    let refusals = 0;
    const observer = { ...QUIET, troubled: () => (refusals += 1) };
    const feed = memoryFeed([keyless('gone', 1), keyless('stays', 2)]);
    const sender = senderFor(memoryPartner(), { settle }, [feed], { observer });
    await until(() => refusals > 0);
    sender.forget(({ profileId }) => profileId === 'gone');
    await sleep(0);
    isAway = false;
    await until(() => ledger.positions.get('live') === 2);
    await sender.drain(1_000);
    expect([...ledger.deadLetters.keys()]).toEqual(['stays#2']);
    expect([ledger.total('skipped'), ledger.total('failed')]).toEqual([1, 1]);
  });

  it('slows down when it is throttled, and waits as long as it is asked to', async () => {
    let asked = 0;
    let throttledMs = 0;
    const partner = memoryPartner({
      fault: (records) => (asked++ < 2 ? { outcomes: records.map(() => ({ ...throttled, waitMs: 60 })) } : undefined),
    });
    const ledger = new MemoryLedger();
    const observer = { ...QUIET, throttled: (ms: number) => void (throttledMs += ms) };
    const limits = { ...LIMITS, requests: 1 };
    const begun = Date.now();
    const sender = senderFor(partner, ledger, [memoryFeed([eventOf('p', 1)])], { limits, observer });
    await until(() => partner.landed.length === 1);
    expect(Date.now() - begun).toBeGreaterThanOrEqual(118);
    expect(throttledMs).toBeGreaterThanOrEqual(118);
    await sender.drain(1_000);
  });

  it('sends live changes while a backfill goes on, and no backfill state after a later change of the profile', async () => {
    const profiles = Array.from({ length: 200 }, (_, n) => `p${n}`);
    const live: MemoryEvent[] = [];
    const backfill = profiles.map((profile) => eventOf(profile, 100));
    const partner = memoryPartner({ latencyMs: () => 2 });
    const ledger = new MemoryLedger();
    let change = 100;
    // Every page of the backfill is overtaken by changes of its last profiles before it is there.
    const slow = memoryFeed(backfill, {
      name: 'backfill',
      priority: 'slow',
      ends: true,
      onRead: async (page) => {
        live.push(...page.slice(-3).map(({ profileId }) => eventOf(profileId, (change += 1))));
        await sleep(5);
      },
    });
    const sender = senderFor(partner, ledger, [memoryFeed(live), slow]);
    await until(() => ledger.positions.get('backfill') === 200 && ledger.positions.get('live') === live.length);
    await sender.drain(1_000);
    expectOrderPerKey(partner.landed);
    const ids = new Set(partner.landed.map(({ eventId }) => eventId));
    for (const { eventId } of live) expect(ids).toContain(eventId);
    for (const profile of profiles) expect(partner.landed.some(({ key }) => key === profile)).toBe(true);
    expect(ledger.total('skipped')).toBeGreaterThan(0);
    expect(ledger.total('written') + ledger.total('skipped')).toBe(200 + live.length);
  });

  it('sends nothing more once its tenure is over, though it was asleep until then', async () => {
    let over = false;
    const partner = memoryPartner();
    const log: MemoryEvent[] = [];
    const tenure = { signal: new AbortController().signal, isOver: () => over, end: () => undefined };
    const sender = senderFor(partner, new MemoryLedger(), [memoryFeed(log)], { tenure });
    await sleep(10);
    over = true;
    log.push(eventOf('p', 1));
    sender.look();
    await sleep(20);
    await sender.drain(100);
    expect(partner.requests).toHaveLength(0);
  });
});
