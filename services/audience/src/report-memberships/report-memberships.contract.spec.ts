import { MEMBERSHIPS_TOPIC, TOPICS } from '@waybill/contracts';
import { deadLetterTopic, type MessageBus, type ReceivedMessage } from '@waybill/messaging';
import { openKafka } from '@waybill/messaging/kafka';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, startKafka } from '@waybill/testkit/kafka';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { Kafka, logLevel, type Message } from 'kafkajs';
import { audienceTables } from '../audience-tables.js';
import { segmentNotFound, type Segments } from '../segments.js';
import { findProfile } from '../show-profile/find-profile.js';
import { countsOf } from '../store/segment-counts.js';
import { TakeReportedMemberships } from './report-memberships.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
/** Its log has one segment. */
const segments = {
  existing: (_, id) => (id === 'buyers' ? Promise.resolve({} as never) : Promise.reject(segmentNotFound(id))),
} as Pick<Segments, 'existing'>;

describeWith('Memberships that a foreign producer sends to Kafka', findJars(), (jars) => {
  let kafka: KafkaCluster;
  let server: TestDatabase;
  let database: Database;
  let bus: MessageBus;
  const dead: ReceivedMessage[] = [];

  beforeAll(async () => {
    [kafka, server] = await Promise.all([startKafka(jars()), testDatabase()]);
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
    bus = await openKafka({ brokers: kafka.brokers, times: { heartbeatMs: 200, fetchWaitMs: 50 } });
    await bus.ensureTopics(TOPICS.filter(({ name }) => name === MEMBERSHIPS_TOPIC));
    const listener = new TakeReportedMemberships(database, segments);
    const { together } = listener;
    const options = { group: 'audience', topics: [MEMBERSHIPS_TOPIC], attempts: 2, backoffMs: 5, together };
    await bus.subscribe(options, (message) => listener.receive(message));
    const letters = { group: 'operator', topics: [deadLetterTopic(MEMBERSHIPS_TOPIC, 'audience')] };
    await bus.subscribe(letters, (message) => Promise.resolve(void dead.push(message)));
  }, 120_000);
  afterAll(async () => {
    await bus.close();
    await database.close();
    await Promise.all([kafka.stop(), server.drop()]);
  }, 30_000);

  const send = async (...messages: Message[]) => {
    const producer = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).producer();
    await producer.connect();
    await producer.send({ topic: MEMBERSHIPS_TOPIC, messages });
    await producer.disconnect();
  };
  const report = (profileId: string, more: object = {}): Message => ({
    key: `acme/prod/${profileId}`,
    value: JSON.stringify({ segmentId: 'buyers', profileId, status: 'realized', at: '2026-01-01T00:00:00Z', ...more }),
  });
  const members = async () => (await countsOf(database, scope, ['buyers'])).get('buyers')?.members ?? 0;
  const until = async (holds: () => Promise<boolean> | boolean) => {
    while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
  };

  it('are taken with a key and JSON alone, and the bad ones put aside with why', async () => {
    await send(
      report('p1', { identities: { email: 'p1@x' }, attributes: { age: 7 } }),
      report('p2', { status: 'unheard-of' }),
      report('p3', { segmentId: 'nobody-made-it' }),
      { key: 'acme/prod/p4', value: 'no JSON' },
      report('p5'),
    );
    await until(async () => (await members()) === 2 && dead.length >= 2);
    expect(await findProfile(database, scope, 'p1')).toMatchObject({
      identities: { email: ['p1@x'] },
      attributes: { age: 7 },
      segments: [{ id: 'buyers', status: 'realized' }],
    });
    expect(dead.map(({ deadLetter }) => deadLetter?.slug).sort()).toEqual(['message-malformed', 'segment-not-found']);
  });

  it('may come twice and late: the later `at` wins', async () => {
    const exited = report('late', { status: 'exited', at: '2026-01-03T00:00:00Z' });
    await send(
      report('late'),
      exited,
      report('late'),
      exited,
      report('late', { at: '2026-01-02T00:00:00Z' }),
      report('end'),
    );
    await until(async () => (await findProfile(database, scope, 'end')) !== undefined);
    await until(async () => (await findProfile(database, scope, 'late'))?.segments[0]?.status === 'exited');
  });

  it('come in thousands: the bad ones among them are put aside alone, and of one profile the last word stands', async () => {
    const before = { members: await members(), dead: dead.length };
    const bad = new Set([7, 1_500, 1_501, 2_999]);
    const reports = Array.from({ length: 3_000 }, (_, i) =>
      report(`many-${i % 1_000}`, {
        attributes: { round: Math.floor(i / 1_000) },
        at: bad.has(i) ? 'yesterday' : `2026-01-01T00:00:0${Math.floor(i / 1_000)}Z`,
      }),
    );
    await send(...reports);
    await until(async () => (await members()) === before.members + 1_000 && dead.length >= before.dead + bad.size);
    const letters = dead.slice(before.dead);
    expect(letters.map(({ deadLetter, key }) => [deadLetter?.slug, key]).sort()).toEqual(
      [...bad].map((i) => ['message-malformed', `acme/prod/many-${i % 1_000}`]).sort(),
    );
    const rounds = async () => {
      const { rows } = await database.pool.query<{ round: number; count: number }>(
        `select (attributes->>'round')::int as round, count(*) as count from profiles
         where profile_id like 'many-%' group by round`,
      );
      return new Map(rows.map(({ round, count }) => [round, count]));
    };
    await until(async () => (await rounds()).get(2) === 999);
    expect((await rounds()).get(1)).toBe(1); // profile 999, whose last word is bad
  }, 60_000);
});
