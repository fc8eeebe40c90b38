import { connect, type Socket } from 'node:net';
import { topicsReadBy } from '@waybill/contracts';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, RESTRICTED_USER, startKafka } from '@waybill/testkit/kafka';
import kafkajs, { type AclEntry, type ISocketFactory } from 'kafkajs';
import { deadLetterTopic, type MessageBus } from '../port.js';
import { withAdmin } from './connection.js';
import { openKafka } from './message-bus.js';
import { eventually, Ledger, numbered, publishRounds } from './testing/load.js';
import { applyTopics, checkTopics, topicsOfDeployment } from './topics.js';

const { AclOperationTypes: may, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** What docs/operations.md says that the user of the services needs. */
const OF_TOPICS = [may.READ, may.WRITE, may.DESCRIBE, may.CREATE];
const OF_GROUPS = [may.READ];
/** And `waybill topics apply` beside. */
const TO_APPLY = [may.ALTER, may.ALTER_CONFIGS, may.DESCRIBE_CONFIGS];

describeWith('a Kafka that grants no more than it must', findJars(), (jars) => {
  let cluster: KafkaCluster;
  beforeEach(async () => {
    cluster = await startKafka(jars());
  }, 120_000);
  afterEach(() => cluster.stop(), 30_000);

  const restricted = () => ({
    brokers: cluster.saslBrokers,
    sasl: { mechanism: 'scram-sha-512' as const, ...RESTRICTED_USER },
  });
  /** Of names that begin with `waybill.`, and of topics of others; resolves when the broker has heard of it, which is a moment after its controller. */
  const grant = async (rights: {
    readonly ofTopics: readonly kafkajs.AclOperationTypes[];
    readonly ofGroups?: readonly kafkajs.AclOperationTypes[];
    readonly ofTheirs?: readonly kafkajs.AclOperationTypes[];
  }): Promise<void> => {
    const entries = (
      type: kafkajs.AclResourceTypes,
      operations: readonly kafkajs.AclOperationTypes[] = [],
      prefix = 'waybill.',
    ) =>
      operations.map((operation): AclEntry => ({
        ...{ resourceType: type, resourceName: prefix, resourcePatternType: ResourcePatternTypes.PREFIXED },
        ...{ principal: `User:${RESTRICTED_USER.username}`, host: '*', operation },
        permissionType: AclPermissionTypes.ALLOW,
      }));
    const seen = `waybill.${newId()}`;
    await withAdmin(cluster, async (admin) => {
      await admin.createTopics({ topics: [{ topic: seen }], waitForLeaders: false });
      await admin.createAcls({
        acl: [
          ...entries(AclResourceTypes.TOPIC, rights.ofTheirs, 'theirs.'),
          ...entries(AclResourceTypes.GROUP, rights.ofGroups),
          ...entries(AclResourceTypes.TOPIC, rights.ofTopics),
        ],
      });
    });
    await eventually(() => expect(withAdmin(restricted(), (admin) => admin.listTopics())).resolves.toContain(seen));
  };
  const using = async (work: (bus: MessageBus) => Promise<void>, makeTopics = false): Promise<void> => {
    const times = { sessionMs: 3_000, heartbeatMs: 200, fetchWaitMs: 50, publishMs: 30_000 };
    const bus = await openKafka({ ...restricted(), times, makeTopics });
    try {
      await work(bus);
    } finally {
      await bus.close();
    }
  };

  it('lets a service start, publish, read, set aside and tell its lag with the rights that are asked for', async () => {
    await withAdmin(cluster, (admin) => applyTopics(admin, topicsOfDeployment()));
    await grant({ ofTopics: OF_TOPICS, ofGroups: OF_GROUPS });
    const [topic = ''] = topicsReadBy('account');
    const seen = new Ledger();
    const letters = new Ledger();
    await using(async (bus) => {
      await bus.ensureTopics(topicsOfDeployment());
      await bus.subscribe({ group: 'account', topics: [topic], attempts: 1 }, (message) =>
        message.key.endsWith('poison') ? Promise.reject(new Error('no')) : seen.handle(message),
      );
      await bus.subscribe(
        { group: `account.replies.${newId()}`, topics: [deadLetterTopic(topic, 'account')], ephemeral: true },
        letters.handle,
      );
      await publishRounds(bus, topic, { keys: 5, count: 2 });
      await bus.publish([numbered(topic, 'poison', 0)]);
      await eventually(() => expect([seen.distinct, letters.distinct]).toEqual([10, 1]));
      await eventually(async () => expect(await bus.lag()).toContainEqual({ group: 'account', topic, messages: 0 }));
      await bus.checkHealth();
    });
  }, 60_000);

  it('lets topics be made, checked and brought to what is declared with the rights that are asked for', async () => {
    await grant({ ofTopics: [...OF_TOPICS, ...TO_APPLY] });
    const [declared] = topicsOfDeployment();
    const states = async () =>
      (await withAdmin(restricted(), (admin) => applyTopics(admin, [declared!]))).map(({ state }) => state);
    expect(await states()).toEqual(['made']);
    await withAdmin(restricted(), (admin) => applyTopics(admin, [{ ...declared!, retentionMs: 60_000 }]));
    expect(await states()).toEqual(['changed']);
    const report = await withAdmin(restricted(), (admin) => checkTopics(admin, [declared!]));
    expect(report.map(({ state }) => state)).toEqual(['fine']);
  }, 60_000);

  it('tells who may not write, and who may not read, that it is refused', async () => {
    await withAdmin(cluster, (admin) => applyTopics(admin, topicsOfDeployment()));
    const refused = { slug: 'messaging-refused', message: expect.stringMatching(/what that user may do/) as unknown };
    await grant({ ofTopics: [may.DESCRIBE, may.READ] });
    const [topic = ''] = topicsReadBy('account');
    await using(async (bus) => {
      await expect(bus.publish([numbered(topic, 'key', 0)])).rejects.toMatchObject(refused);
      const reading = bus.subscribe({ group: 'account', topics: [topic] }, () => Promise.resolve());
      await expect(reading).rejects.toMatchObject({
        slug: 'messaging-unavailable',
        cause: { message: expect.stringMatching(/may not read the group waybill\.account/) as unknown },
      });
    });
  }, 60_000);

  it('lets an answer that may not be written where it was asked for disturb no other publication', async () => {
    await withAdmin(cluster, async (admin) => {
      await applyTopics(admin, topicsOfDeployment());
      await admin.createTopics({ topics: [{ topic: 'theirs.replies' }], waitForLeaders: false });
    });
    await grant({ ofTopics: OF_TOPICS, ofTheirs: [may.DESCRIBE] });
    const [topic = ''] = topicsReadBy('account');
    await using(async (bus) => {
      const publishing = Array.from({ length: 300 }, (_, index) =>
        bus.publish([numbered(index % 10 === 5 ? 'theirs.replies' : topic, 'key', index)]),
      );
      const refused = (await Promise.allSettled(publishing))
        .map((outcome, index) => ({ index, outcome }))
        .filter(({ outcome }) => outcome.status === 'rejected');
      expect(refused.map(({ index }) => index)).toEqual(Array.from({ length: 30 }, (_, i) => i * 10 + 5));
      expect(refused[0]?.outcome).toMatchObject({ reason: { slug: 'messaging-refused' } });
    });
  }, 60_000);

  it('leaves no connection open when it is closed, also where it got no id to write under', async () => {
    await grant({ ofTopics: [may.DESCRIBE] });
    const sockets: Socket[] = [];
    const socketFactory: ISocketFactory = ({ host, port, onConnect }) => {
      const socket = connect({ host, port }, onConnect);
      sockets.push(socket);
      return socket;
    };
    const bus = await openKafka({ ...restricted(), socketFactory, makeTopics: false });
    await bus.close();
    await eventually(() => expect(sockets.filter(({ closed }) => !closed).length).toBe(0));
    expect(sockets.length).toBeGreaterThan(2);
  }, 60_000);
});
