import { newId } from '@waybill/kernel';
import { type Database, migrate, openDatabase, openWakeups, type Wakeups } from '@waybill/postgres';
import { type TestDatabase, testDatabase } from '@waybill/testkit/postgres';
import pg from 'pg';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageBus, Observation, OutgoingMessage } from '../port.js';
import { openPostgresMessageBus } from './message-bus.js';
import { messagingMigrations } from './migrations.js';
import { createTopicLog, type Member, type TopicLog } from './topic-log.js';

const DAY = 86_400_000;

describe('the topic log in PostgreSQL', () => {
  let server: TestDatabase;
  let database: Database;
  let wakeups: Wakeups;
  let log: TopicLog;
  let topic: string;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'messaging' });
    wakeups = openWakeups(server.url);
    await migrate(database, 'messaging', messagingMigrations);
    log = createTopicLog(database);
  });
  afterAll(async () => {
    await wakeups.close();
    await database.close();
    await server.drop();
  });
  beforeEach(async () => {
    topic = `waybill.test.${newId()}`;
    await log.ensureTopics([{ name: topic, partitions: 2 }]);
  });

  const memberOf = (group: string, overrides: Partial<Member> = {}): Member => ({
    group,
    topics: [topic],
    id: newId(),
    leaseSeconds: 60,
    fromEnd: false,
    ephemeral: false,
    ...overrides,
  });

  const publish = (count: number, partition = 0) =>
    log.publish(Array.from({ length: count }, (_, index) => ({ topic, partition, body: JSON.stringify({ index }) })));

  const stored = async (): Promise<number> => {
    const { rows } = await database.pool.query<{ n: number }>(
      'select count(*)::int as n from messages where topic = $1',
      [topic],
    );
    return rows[0]?.n ?? -1;
  };

  const age = (days: number) =>
    database.pool.query(`update messages set published_at = now() - make_interval(days => $2) where topic = $1`, [
      topic,
      days,
    ]);

  const expire = (member: Member) =>
    database.pool.query(`update group_offsets set expires_at = now() - interval '1 second' where owner = $1`, [
      member.id,
    ]);

  describe('leases', () => {
    it('are fenced: who was taken over cannot move the offset any more', async () => {
      const [old, young] = [memberOf('g1'), memberOf('g1')];
      const [held] = await log.attend(old);
      await expire(old);
      await database.pool.query('delete from members where member = $1', [old.id]);
      const [taken] = await log.attend(young);
      expect(taken).toMatchObject({ partition: held?.partition, epoch: (held?.epoch ?? 0) + 1 });
      expect(await log.commit(old, held!, 5)).toBe(false);
      expect(await log.commit(young, taken!, 1)).toBe(true);
      await log.leave(young);
    });

    it('are not taken from a member that is alive, though it is due to share', async () => {
      const [first, second] = [memberOf('g2'), memberOf('g2')];
      expect(await log.attend(first)).toHaveLength(2);
      expect(await log.attend(second)).toHaveLength(0);
      const [own, due] = [await log.attend(first), (await log.attend(first)).filter(({ due }) => due)];
      expect([own.length, due.length]).toEqual([2, 1]);
      await log.release(
        first,
        own.find(({ due }) => !due)!,
      );
      expect(await log.attend(second)).toHaveLength(1);
    });

    it('are kept without being due by a member that leaves, until it releases them', async () => {
      const [leaver, heir] = [memberOf('g3'), memberOf('g3')];
      await log.attend(leaver);
      const kept = await log.attend({ ...leaver, topics: [] });
      expect(kept.map(({ due }) => due)).toEqual([false, false]);
      expect(await log.attend(heir)).toHaveLength(0);
      for (const each of kept) await log.release(leaver, each);
      expect(await log.attend(heir)).toHaveLength(2);
    });
  });

  it('is free at once for the only process there is, whatever a killed one held', async () => {
    const [killed, asker] = [memberOf('g4'), memberOf('asker-0', { ephemeral: true })];
    const [held] = await log.attend(killed);
    await log.commit(killed, held!, 3);
    await log.attend(asker);
    const bus = await openPostgresMessageBus({ database, wakeups, soleProcess: true });
    const taken = await log.attend(memberOf('g4'));
    expect(taken.map(({ epoch, due }) => [epoch, due])).toEqual([
      [2, true],
      [2, true],
    ]);
    expect(taken.find(({ partition }) => partition === held!.partition)?.committed).toBe(3);
    expect(await log.commit(killed, held!, 9)).toBe(false);
    expect((await log.lag()).map(({ group }) => group)).not.toContain('asker-0');
    await bus.close();
  });

  describe('old messages', () => {
    it('go when every group has handled them, and stay while one has not', async () => {
      const [quick, slow] = [memberOf('quick'), memberOf('slow')];
      const quicks = await log.attend(quick);
      const slows = await log.attend(slow);
      await publish(10);
      await age(8);
      for (const each of quicks) await log.commit(quick, each, 10);
      await log.commit(
        slow,
        slows.find(({ partition }) => partition === 0)!,
        4,
      );
      expect(await log.sweep()).toBe(4);
      expect(await stored()).toBe(6);
      const [next] = await log.fetch([{ topic, partition: 0, next: 0 }], 1);
      expect(next?.offset).toBe(4);
    });

    it('stay for as long as their topic keeps them, and offsets go on where they were', async () => {
      await log.ensureTopics([{ name: topic, partitions: 2, retentionMs: 30 * DAY }]);
      await publish(3);
      await age(29);
      await log.sweep();
      expect(await stored()).toBe(3);
      await age(31);
      await log.sweep();
      expect(await stored()).toBe(0);
      await publish(1);
      expect(await log.fetch([{ topic, partition: 0, next: 0 }], 10)).toMatchObject([{ offset: 3 }]);
    });

    it('are not kept for a group that nobody runs any more', async () => {
      await log.attend(memberOf('gone'));
      await publish(2);
      await age(8);
      await database.pool.query(`update group_offsets set expires_at = now() - interval '8 days' where topic = $1`, [
        topic,
      ]);
      await log.sweep();
      expect(await stored()).toBe(0);
      expect((await log.lag()).filter((lag) => lag.topic === topic)).toEqual([]);
    });
  });

  describe('ephemeral groups', () => {
    const groups = async () => (await log.lag()).filter((lag) => lag.topic === topic).map(({ group }) => group);

    it('are forgotten when they leave', async () => {
      const member = memberOf('asker-1', { ephemeral: true });
      await log.attend(member);
      expect(await groups()).toEqual(['asker-1']);
      await log.leave(member);
      expect(await groups()).toEqual([]);
    });

    it('are forgotten an hour after they died', async () => {
      const member = memberOf('asker-2', { ephemeral: true });
      await log.attend(member);
      await expire(member);
      await log.sweep();
      expect(await groups()).toEqual(['asker-2']);
      await database.pool.query(
        `update group_offsets set expires_at = now() - interval '61 minutes' where owner = $1`,
        [member.id],
      );
      await log.sweep();
      expect(await groups()).toEqual([]);
    });

    it('have no dead letters: what the handler rejects is dropped, and that is told', async () => {
      const told: Observation[] = [];
      const bus = await openPostgresMessageBus({ database, wakeups, observe: (each) => told.push(each) });
      const seen: unknown[] = [];
      await bus.subscribe({ group: 'asker-3', topics: [topic], ephemeral: true, attempts: 1 }, ({ data }) => {
        seen.push(data);
        return seen.length === 1 ? Promise.reject(new Error('no')) : Promise.resolve();
      });
      await bus.publish([messageOf(topic), messageOf(topic)]);
      await until(() => seen.length === 2);
      expect(told).toMatchObject([{ kind: 'dropped', slug: 'unexpected-error', reason: 'no', attempts: 1 }]);
      expect(await log.partitionCount(`${topic}.asker-3.dlq`)).toBe(0);
      await bus.close();
    });
  });

  it('waits for a handler that hangs no longer than it was granted, and aborts its signal', async () => {
    const bus = await openPostgresMessageBus({ database, wakeups, times: { graceMs: 100 } });
    let aborted: AbortSignal | undefined;
    const subscription = await bus.subscribe({ group: 'hanging', topics: [topic] }, async (_, signal) => {
      aborted = signal;
      await new Promise(() => undefined);
    });
    await bus.publish([messageOf(topic)]);
    await until(() => aborted !== undefined);
    const startedAt = performance.now();
    await subscription.stop();
    expect(aborted?.aborted).toBe(true);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect((await log.attend(memberOf('hanging'))).map(({ committed }) => committed)).toEqual([0, 0]);
    await bus.close();
  });

  describe('when every connection breaks', () => {
    let bus: MessageBus;
    const told: Observation[] = [];

    beforeEach(async () => {
      bus = await openPostgresMessageBus({
        database,
        wakeups,
        observe: (each) => told.push(each),
        times: { leaseMs: 3_000, pollMs: 200 },
      });
    });
    afterEach(() => bus.close());

    it('a subscription goes on by itself, in order and without loss', async () => {
      const seen: number[] = [];
      await bus.subscribe({ group: 'survivor', topics: [topic] }, async ({ data }) => {
        await sleep(2);
        seen.push((data as { index: number }).index);
      });
      for (let index = 0; index < 60; index++) {
        await untilPublished(bus, messageOf(topic, { index }));
        if (index % 20 === 10) {
          await database.pool.query(
            'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
          );
        }
      }
      await until(() => new Set(seen).size === 60);
      expect([...new Set(seen)]).toEqual(Array.from({ length: 60 }, (_, i) => i));
    });
  });

  it('tells of a server that is away as unavailable', async () => {
    const away = new pg.Pool({ connectionString: 'postgres://nobody@127.0.0.1:1/nowhere' });
    const lost = createTopicLog({ ...database, pool: away });
    await expect(lost.ping()).rejects.toMatchObject({ slug: 'messaging-unavailable', kind: 'unavailable' });
    await away.end();
  });
});

const messageOf = (topic: string, data: object = {}): OutgoingMessage => ({
  topic,
  tenant: 'acme',
  sandbox: 'prod',
  id: newId(),
  type: 'waybill.test.ThingHappened.v1',
  source: '/waybill/test',
  subject: 'thing-1',
  key: 'acme/prod/thing-1',
  time: new Date().toISOString(),
  data,
  actor: 'tester',
  correlationId: newId(),
});

const until = async (holds: () => boolean): Promise<void> => {
  const end = performance.now() + 15_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error('it did not come to that within 15 s');
    await sleep(10);
  }
};

const untilPublished = async (bus: MessageBus, message: OutgoingMessage): Promise<void> => {
  for (const deadline = Date.now() + 10_000; ;) {
    try {
      return await bus.publish([message]);
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await sleep(20);
    }
  }
};
