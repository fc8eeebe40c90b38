import { setTimeout as sleep } from 'node:timers/promises';
import {
  DestinationCreated,
  DestinationDeleted,
  DestinationDisabled,
  DestinationEnabled,
  profileKey,
  SegmentActivated,
  SegmentDeactivated,
} from '@waybill/contracts';
import { newId, WaybillError } from '@waybill/kernel';
import { register } from 'prom-client';
import { type DeadLetterFilter, DeadLetters } from '../dead-letters/dead-letters.js';
import { Redeliveries } from '../redeliver/redelivery-counts.js';
import { ErasedProfiles } from './erased-profiles.js';
import type { DeadLetter } from './feed.js';
import { keepDeadLetters } from './ledger.js';
import type { ShareTiming } from './shares.js';
import type { StreamWorker } from './stream-worker.js';
import type { ActiveStream } from './streams.js';
import { type Fault, type Landed, memoryPartner, type MemoryPartner } from './testing/memory-partner.js';
import { memorySource, type MemorySource } from './testing/memory-source.js';
import { changeOf, openWorkbench, QUICK, until, type Workbench } from './testing/workbench.js';

const PROFILES = Array.from({ length: 40 }, (_, n) => `p${n}`);

let bench: Workbench;
let source: MemorySource;
let partners: Map<string, MemoryPartner>;
let workers: StreamWorker[];

beforeEach(async () => {
  source = memorySource();
  partners = new Map();
  workers = [];
  bench = await openWorkbench(source, ({ destinationId }) => partners.get(destinationId)!.open());
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop()));
  await bench.close();
});

const startWorker = async (timing?: ShareTiming) => {
  const worker = await bench.startWorker(timing);
  workers.push(worker);
  return worker;
};

const activate = async (options: { fault?: Fault; latencyMs?: () => number } = {}) => {
  const destinationId = newId();
  const partner = memoryPartner(options);
  partners.set(destinationId, partner);
  const about = { destinationId };
  const created = { type: 'amazon-kinesis', accountId: newId(), name: 'd', description: '', marketingActions: [] };
  await bench.tell(DestinationCreated, { ...about, ...created });
  await bench.tell(SegmentActivated, {
    ...about,
    segmentId: 's',
    schedule: null,
    fileName: '',
    activatedAt: new Date().toISOString(),
  });
  return { destinationId, partner, about };
};

let change = 0;
const happens = (count: number): void => {
  for (let n = 0; n < count; n += 1) {
    change += 1;
    source.log.push(changeOf(PROFILES[change % PROFILES.length]!, change));
  }
};

const sequenceOf = ({ data }: Landed): number => Number(Buffer.from(data).toString().split(' ')[1]);
const idsOf = (landed: readonly Landed[]) => new Set(landed.map(({ eventId }) => eventId));
const hasAll = (partner: MemoryPartner) => () => {
  const ids = idsOf(partner.landed);
  return source.log.every(({ eventId }) => ids.has(eventId));
};
const firstArrivals = (landed: readonly Landed[]) => {
  const seen = new Set<string>();
  return landed.filter(({ eventId }) => !seen.has(eventId) && seen.add(eventId));
};
const expectOrder = (partner: MemoryPartner): void => {
  const last = new Map<string, number>();
  for (const record of firstArrivals(partner.landed)) {
    expect(sequenceOf(record)).toBeGreaterThan(last.get(record.key) ?? 0);
    last.set(record.key, sequenceOf(record));
  }
};
/** Whether some worker sends to it, or drains. */
const isSentTo = async (destinationId: string) => {
  const { rowCount } = await bench.database.pool.query('select 1 from stream_states where destination_id = $1', [
    destinationId,
  ]);
  return rowCount === 1;
};
const countsOf = async (destinationId: string) => {
  const { rows } = await bench.database.pool.query<Record<string, number>>(
    `select sum(read)::int as read, sum(written)::int as written, sum(skipped)::int as skipped, sum(failed)::int as failed
     from stream_windows where destination_id = $1`,
    [destinationId],
  );
  return rows[0]!;
};

describe('Workers of streams', () => {
  beforeEach(() => {
    change = 0;
  });

  it('send what happens, keep where they are, and count it in the window of the hour', async () => {
    const { partner, destinationId } = await activate();
    await startWorker();
    happens(100);
    await until(hasAll(partner));
    await until(async () => (await countsOf(destinationId))['written'] === 100);
    expect(await countsOf(destinationId)).toEqual({ read: 100, written: 100, skipped: 0, failed: 0 });
    await workers.pop()!.stop();
    happens(50);
    await startWorker();
    await until(hasAll(partner));
    expect(partner.landed).toHaveLength(150);
    expectOrder(partner);
  });

  it('share the profiles, and move over without loss or reordering when one joins and one dies', async () => {
    const { partner } = await activate({ latencyMs: () => Math.random() * 10 });
    const first = await startWorker(QUICK);
    let busy = true;
    const going = (async () => {
      for (; busy; await sleep(5)) happens(5);
    })();
    const held = async () => {
      const { rows } = await bench.database.pool.query<{ shares: number }>(
        `select count(*)::int as shares from leases where name like 'stream share %' and expires_at > now()
         group by owner order by owner`,
      );
      return rows.map(({ shares }) => shares);
    };
    try {
      await until(() => partner.landed.length > 100);
      const second = await startWorker(QUICK);
      await until(async () => (await held()).join() === '8,8');
      await sleep(300);
      workers = [second];
      // It dies: nothing of it is drained, released or settled. Only its lease ends.
      await dieSuddenly(first);
      await until(async () => (await held()).join() === '16');
      await sleep(300);
    } finally {
      busy = false;
      await going;
    }
    await until(hasAll(partner), 30_000);
    expectOrder(partner);
  }, 120_000);

  it('forget that those were there who died long ago', async () => {
    await bench.database.pool.query(
      `insert into leases (name, owner, epoch, expires_at) values
         ('stream sender long gone', $1, 1, now() - interval '2 hours'),
         ('stream sender just gone', $1, 1, now() - interval '1 minute')`,
      [newId()],
    );
    await startWorker();
    const gone = async () => {
      const { rows } = await bench.database.pool.query<{ name: string }>(
        `select name from leases where name like 'stream sender % gone'`,
      );
      return rows.map(({ name }) => name);
    };
    await until(async () => (await gone()).join() === 'stream sender just gone');
  });

  it('stop what is disabled, drained, and go on from there when it is enabled; forget what is deleted', async () => {
    const { partner, destinationId, about } = await activate({ latencyMs: () => 5 });
    await startWorker();
    happens(60);
    await until(async () => partner.landed.length > 20 && (await isSentTo(destinationId)));
    await bench.tell(DestinationDisabled, about);
    await until(async () => !(await isSentTo(destinationId)));
    const sent = partner.landed.length;
    happens(40);
    await sleep(700);
    expect(partner.landed).toHaveLength(sent);
    await bench.tell(DestinationEnabled, { ...about, enabledAt: new Date().toISOString() });
    await until(hasAll(partner));
    expect(partner.landed).toHaveLength(100);
    expectOrder(partner);
    await bench.tell(DestinationDeleted, { ...about, accountId: newId(), type: 'amazon-kinesis' });
    await sleep(700);
    const { rows } = await bench.database.pool.query('select 1 from stream_positions where destination_id = $1', [
      destinationId,
    ]);
    expect(rows).toEqual([]);
  });

  it('do not let one destination wait for another that throttles or is away, and tell how each goes', async () => {
    const slow = await activate({
      fault: (records) => ({
        outcomes: records.map(() => ({ sent: false, code: 'SlowDown', message: 'no', kind: 'throttled' })),
      }),
    });
    const away = await activate({
      fault: () => ({ landed: 0, error: new WaybillError('partner-timeout', 'unavailable', 'no answer') }),
    });
    const fine = await activate();
    await startWorker();
    happens(200);
    await until(hasAll(fine.partner));
    const stateOf = async (destinationId: string) => {
      const { rows } = await bench.database.pool.query<{ state: { state: string } }>(
        'select state from stream_states where destination_id = $1',
        [destinationId],
      );
      return rows[0]?.state.state;
    };
    await until(async () => (await stateOf(slow.destinationId)) === 'throttled');
    await until(async () => (await stateOf(away.destinationId)) === 'unavailable');
    expect(await stateOf(fine.destinationId)).toBe('sending');
    // An hour in which nothing could be sent has its run all the same.
    await until(async () => (await countsOf(away.destinationId))['read'] === 0);
  });

  it('tell in the metrics how they do while a destination is behind and no other service answers', async () => {
    const { partner } = await activate({
      fault: () => ({ landed: 0, error: new WaybillError('partner-timeout', 'unavailable', 'no answer') }),
    });
    await startWorker();
    happens(10);
    const behind = /^waybill_stream_lag_seconds\{type="amazon-kinesis"\} [1-9]/m;
    let told = '';
    await until(async () => behind.test((told = await register.metrics())));
    expect(told).toContain('waybill_stream_senders{type="amazon-kinesis",state="unavailable"} 1');
    expect(partner.landed).toEqual([]);
  });

  it('tell the members of a segment once, while live changes go on, and again after a new activation', async () => {
    source.members.push(...PROFILES);
    const { partner, about } = await activate({ latencyMs: () => 2 });
    await startWorker();
    happens(30);
    const told = () => PROFILES.every((id) => partner.landed.some(({ key }) => key === id));
    await until(() => hasAll(partner)() && told());
    await sleep(500);
    const backfilled = (which: string) => partner.landed.filter(({ eventId }) => eventId.endsWith(which)).length;
    expect(backfilled('backfill s')).toBeLessThanOrEqual(PROFILES.length);
    const before = backfilled('backfill s');
    await workers.pop()!.stop();
    await startWorker();
    await sleep(700);
    expect(backfilled('backfill s')).toBe(before);
    const ended = partner.landed.length;
    await bench.tell(SegmentDeactivated, { ...about, segmentId: 's' });
    const activation = { schedule: null, fileName: '', activatedAt: new Date().toISOString() };
    await bench.tell(SegmentActivated, { ...about, segmentId: 's', ...activation });
    const toldAgain = () =>
      new Set(partner.landed.slice(ended).flatMap(({ eventId, key }) => (eventId.endsWith('backfill s') ? [key] : [])));
    await until(() => toldAgain().size === PROFILES.length);
  });

  it('keep a dead letter with its reason, tell the profile anew when asked to, and settle it then', async () => {
    let fixed = false;
    const { partner, destinationId } = await activate({
      fault: (records) => ({
        outcomes: records.map(({ key }) =>
          key === 'p7' && !fixed ? { sent: false, code: 'Invalid', message: 'never', kind: 'refused' } : { sent: true },
        ),
      }),
    });
    const worker = await startWorker();
    happens(80);
    await until(async () => (await countsOf(destinationId))['read'] === 80);
    expect(await countsOf(destinationId)).toEqual({ read: 80, written: 78, skipped: 0, failed: 2 });
    const letters = new DeadLetters(bench.database);
    const redeliveries = new Redeliveries(bench.database);
    const scope = { tenant: 'acme', sandbox: 'prod' };
    const list = (filter: DeadLetterFilter, page: { limit: number; cursor?: string } = { limit: 50 }) =>
      letters.list(scope, destinationId, filter, page);
    const { items } = await list({ code: 'Invalid' });
    expect(items).toHaveLength(2);
    expect(items[0]).toEqual({
      id: expect.any(String),
      profileId: 'p7',
      code: 'Invalid',
      message: 'never',
      attempts: 1,
      at: expect.any(String),
      runId: expect.any(String),
      redeliveryId: null,
    });
    const first = await list({}, { limit: 1 });
    const second = await list({}, { limit: 1, cursor: first.nextCursor! });
    expect([...first.items, ...second.items].map(({ id }) => id)).toEqual(items.map(({ id }) => id));
    expect(second.nextCursor).toBeNull();
    const others: readonly DeadLetterFilter[] = [{ code: 'x' }, { profileId: 'p8' }, { to: '2020-01-01' }];
    for (const filter of others) expect((await list(filter)).items).toEqual([]);
    expect((await letters.list({ ...scope, tenant: 'other' }, destinationId, {}, { limit: 50 })).items).toEqual([]);

    const which = { code: 'Invalid', from: '2020-01-01' };
    expect(await letters.count(scope, destinationId, which)).toEqual({
      deadLetters: 2,
      profiles: 1,
      byCode: { Invalid: 2 },
    });
    // It fails again: it is a dead letter still, and waits for nobody.
    const failing = newId();
    await redeliveries.claim(scope, destinationId, which, failing);
    worker.ring();
    await until(async () => (await list({})).items.every(({ attempts }) => attempts === 2));
    expect((await list({})).items.map(({ redeliveryId }) => redeliveryId)).toEqual([null, null]);
    const redelivered = async (id: string) => (await redeliveries.countsOf([id])).get(id);
    expect(await redelivered(failing)).toEqual({ requested: 1, redelivered: 0, skipped: 0, failed: 1 });
    // Asked for again, it takes nothing on: the letters are those of a later time.
    await redeliveries.claim(scope, destinationId, which, failing);
    expect((await list({})).items.map(({ redeliveryId }) => redeliveryId)).toEqual([null, null]);
    fixed = true;
    const redeliveryId = newId();
    await redeliveries.claim(scope, destinationId, which, redeliveryId);
    worker.ring();
    await until(async () => (await list({})).items.length === 0);
    expect(partner.landed.filter(({ key }) => key === 'p7').map(({ eventId }) => eventId)).toEqual([
      `p7 ${redeliveryId}`,
    ]);
    expect(await redelivered(redeliveryId)).toEqual({ requested: 1, redelivered: 1, skipped: 0, failed: 0 });
    expect((await redeliveries.finished()).map((one) => one.redeliveryId).toSorted()).toEqual(
      [failing, redeliveryId].toSorted(),
    );
  });

  it('end a redelivery to a destination without an active segment, where there is nothing to tell, and keep its dead letters', async () => {
    const { destinationId, about } = await activate({
      fault: (records) => ({
        outcomes: records.map(() => ({ sent: false, code: 'Invalid', message: 'never', kind: 'refused' })),
      }),
    });
    const worker = await startWorker();
    happens(3);
    await until(async () => (await countsOf(destinationId))['failed'] === 3);
    await bench.tell(SegmentDeactivated, { ...about, segmentId: 's' });
    await until(async () => !(await isSentTo(destinationId)));
    const redeliveries = new Redeliveries(bench.database);
    const scope = { tenant: 'acme', sandbox: 'prod' };
    const redeliveryId = newId();
    await redeliveries.claim(scope, destinationId, { code: 'Invalid' }, redeliveryId);
    worker.ring();
    await until(async () => (await redeliveries.finished()).length === 1);
    const counts = { requested: 3, redelivered: 0, skipped: 3, failed: 0 };
    expect((await redeliveries.countsOf([redeliveryId])).get(redeliveryId)).toEqual(counts);
    const { items } = await new DeadLetters(bench.database).list(scope, destinationId, {}, { limit: 50 });
    expect(items.map((letter) => letter.redeliveryId)).toEqual([null, null, null]);
  });

  it('send nothing more of a profile that was erased while the partner was away', async () => {
    let isAway = true;
    const { partner } = await activate({
      fault: () =>
        isAway ? { landed: 0, error: new WaybillError('partner-timeout', 'unavailable', 'no answer') } : undefined,
    });
    const worker = await startWorker();
    happens(10);
    await until(() => partner.requests.length > 0);
    const scope = { tenant: 'acme', sandbox: 'prod' };
    const erased = new ErasedProfiles(bench.database);
    await erased.note(scope, profileKey(scope, 'p3'), 11);
    await erased.note({ ...scope, tenant: 'other' }, profileKey(scope, 'p4'), 11);
    await until(() => heardBy(worker) === 2);
    isAway = false;
    await until(() => idsOf(partner.landed).size === 9);
    await sleep(300);
    const told = new Set(partner.landed.map(({ key }) => key));
    expect(told.has('p3')).toBe(false);
    expect(told.has('p4')).toBe(true);
  });

  it('hear of an erasure also while they drain', async () => {
    let fails = true;
    const failed = { sent: false, code: 'InternalFailure', message: 'later', kind: 'failed' } as const;
    const { partner } = await activate({
      fault: (records) => (fails ? { outcomes: records.map(() => failed) } : undefined),
    });
    const worker = await startWorker();
    happens(10);
    await until(() => partner.requests.length > 0);
    const stopped = workers.pop()!.stop();
    const scope = { tenant: 'acme', sandbox: 'prod' };
    await new ErasedProfiles(bench.database).note(scope, profileKey(scope, 'p3'), 11);
    await until(() => heardBy(worker) === 1);
    fails = false;
    await stopped;
    expect(partner.landed.map(({ key }) => key).toSorted()).toEqual(
      PROFILES.slice(1, 11)
        .filter((id) => id !== 'p3')
        .toSorted(),
    );
  });

  it('let an erased profile leave the dead letters', async () => {
    const { destinationId } = await activate({
      fault: (records) => ({
        outcomes: records.map(() => ({ sent: false, code: 'Invalid', message: 'never', kind: 'refused' })),
      }),
    });
    await startWorker();
    happens(3);
    const scope = { tenant: 'acme', sandbox: 'prod' };
    const letters = new DeadLetters(bench.database);
    const profiles = async () =>
      (await letters.list(scope, destinationId, {}, { limit: 50 })).items.map(({ profileId }) => profileId).toSorted();
    await until(async () => (await profiles()).length === 3);
    expect(await letters.forget({ ...scope, tenant: 'other' }, profileKey(scope, 'p2'))).toBe(0);
    expect(await letters.forget(scope, profileKey(scope, 'p2'))).toBe(1);
    expect(await profiles()).toEqual(['p1', 'p3']);
  });

  it('keep no dead letter of what an erased profile was before', async () => {
    const scope = { tenant: 'acme', sandbox: 'prod' };
    const destinationId = newId();
    await new ErasedProfiles(bench.database).note(scope, profileKey(scope, 'p1'), 5);
    const letter = (profileId: string, change: number): DeadLetter => ({
      ...{ eventId: newId(), profileId, change, code: 'Invalid', message: 'never', attempts: 1 },
    });
    const kept = [letter('p1', 6), letter('p2', 5)];
    await bench.database.transaction((client) =>
      keepDeadLetters(client, { destinationId, ...scope } as ActiveStream, newId(), [letter('p1', 5), ...kept]),
    );
    const { items } = await new DeadLetters(bench.database).list(scope, destinationId, {}, { limit: 50 });
    expect(items.map(({ id }) => id).toSorted()).toEqual(kept.map(({ eventId }) => eventId).toSorted());
  });
});

/** How many erasures it knows of. */
const heardBy = (worker: StreamWorker): number => (worker as unknown as { heard: ReadonlySet<string> }).heard.size;

/** As SIGKILL would leave it: everything it has in memory is gone, and nothing more goes out. */
const dieSuddenly = async (worker: StreamWorker): Promise<void> => {
  const inner = worker as unknown as {
    stopping: boolean;
    stopped: boolean;
    running: Map<string, { sender: { over: AbortController; reader: { options: { settle: () => Promise<void> } } } }>;
    work: Promise<void>;
    hearing: Promise<void>;
  };
  inner.stopping = true;
  inner.stopped = true;
  for (const { sender } of inner.running.values()) {
    sender.reader.options.settle = () => Promise.reject(new Error('dead'));
    sender.over.abort();
  }
  worker.ring();
  await Promise.all([inner.work, inner.hearing]);
};
