import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@waybill/kernel';
import { describeWith } from '@waybill/testkit/availability';
import { newCertificate } from '@waybill/testkit/certificate';
import { findJars, type KafkaCluster, PLAIN_USER, SCRAM_USER, startKafka } from '@waybill/testkit/kafka';
import { type KafkaMessageBusOptions, openKafka } from './message-bus.js';
import { eventually, Ledger, publishRounds } from './testing/load.js';

describeWith('the bus on Kafka over TLS', findJars(), (jars) => {
  let cluster: KafkaCluster;
  let folder: string;
  let caFile: string;
  beforeAll(async () => {
    [cluster, folder] = await Promise.all([startKafka(jars()), mkdtemp(join(tmpdir(), 'waybill-kafka-tls-'))]);
    caFile = join(folder, 'ca.pem');
    await writeFile(caFile, cluster.authority);
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  const carriesMessages = async (options: KafkaMessageBusOptions): Promise<void> => {
    const bus = await openKafka({ ...options, times: { heartbeatMs: 200, fetchWaitMs: 50 } });
    try {
      const [topic, seen] = [`waybill.test.${newId()}`, new Ledger()];
      await bus.ensureTopics([{ name: topic, partitions: 2 }]);
      await bus.subscribe({ group: topic, topics: [topic] }, seen.handle);
      await publishRounds(bus, topic, { keys: 5, count: 2 });
      await eventually(() => expect(seen.distinct).toBe(10));
    } finally {
      await bus.close();
    }
  };
  /** What it says instead of opening, and that it says so soon. */
  const refusal = async (options: KafkaMessageBusOptions): Promise<unknown> => {
    const started = performance.now();
    const refused: unknown = await openKafka(options).then(
      (bus) => bus.close(),
      (error: unknown) => error,
    );
    expect(performance.now() - started).toBeLessThan(15_000);
    return refused;
  };

  it('carries messages where the authority is known', async () => {
    await carriesMessages({ brokers: cluster.tlsBrokers, tls: true, caFile });
  });

  it.each([
    { mechanism: 'scram-sha-512', ...SCRAM_USER },
    { mechanism: 'scram-sha-256', ...SCRAM_USER },
    { mechanism: 'plain', ...PLAIN_USER },
  ] as const)('takes a user by $mechanism, and refuses a wrong password', async (sasl) => {
    const secure = { brokers: cluster.saslTlsBrokers, tls: true, caFile };
    await carriesMessages({ ...secure, sasl });
    expect(await refusal({ ...secure, sasl: { ...sasl, password: 'wrong' } })).toMatchObject({
      slug: 'messaging-refused',
    });
  });

  it('says at once that nobody it trusts vouches for the brokers, and which setting names who does', async () => {
    const stranger = join(folder, 'stranger.pem');
    await writeFile(stranger, (await newCertificate()).certificate);
    for (const ca of [{ caFile: stranger }, {}]) {
      expect(await refusal({ brokers: cluster.tlsBrokers, tls: true, ...ca })).toMatchObject({
        slug: 'messaging-untrusted',
        kind: 'internal',
        message: expect.stringMatching(/WAYBILL_KAFKA_CA_FILE/),
      });
    }
  });

  it('refuses a certificate of another host', async () => {
    const byNumber = cluster.tlsBrokers.map((broker) => broker.replace('localhost', '127.0.0.1'));
    expect(await refusal({ brokers: byNumber, tls: true, caFile })).toMatchObject({
      slug: 'messaging-untrusted',
      message: expect.stringMatching(/127\.0\.0\.1.*WAYBILL_KAFKA_BROKERS/),
    });
  });

  it('says soon that it is not understood where one side alone speaks TLS', async () => {
    for (const one of [{ brokers: cluster.brokers, tls: true, caFile }, { brokers: cluster.tlsBrokers }]) {
      expect(await refusal(one)).toMatchObject({ slug: 'messaging-unavailable' });
    }
  });
});
