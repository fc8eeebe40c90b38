import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith } from '@waybill/testkit/availability';
import { newCertificate } from '@waybill/testkit/certificate';
import { findJars, type KafkaCluster, SCRAM_USER, startKafka } from '@waybill/testkit/kafka';
import { type SftpPartner, startSftpPartner } from '../journeys/testing/sftp-partner.js';
import { runToItsEnd, startWaybill } from '../journeys/testing/waybill.js';
import { connectPatiently, expectOnce } from './testing/connecting.js';

describeWith('separate services on a Kafka that asks for TLS and a password', findJars(), (jars) => {
  let kafka: KafkaCluster;
  let partner: SftpPartner;
  let folder: string;
  let settings: Readonly<Record<string, string>>;

  beforeAll(async () => {
    [kafka, partner, folder] = await Promise.all([
      startKafka(jars()),
      startSftpPartner(),
      mkdtemp(join(tmpdir(), 'waybill-kafka-tls-')),
    ]);
    await writeFile(join(folder, 'ca.pem'), kafka.authority);
    await writeFile(join(folder, 'password'), SCRAM_USER.password);
    settings = {
      WAYBILL_KAFKA_BROKERS: kafka.saslTlsBrokers.join(','),
      WAYBILL_KAFKA_TLS: 'true',
      WAYBILL_KAFKA_CA_FILE: join(folder, 'ca.pem'),
      WAYBILL_KAFKA_SASL_MECHANISM: 'scram-sha-512',
      WAYBILL_KAFKA_SASL_USERNAME: SCRAM_USER.username,
      WAYBILL_KAFKA_SASL_PASSWORD_FILE: join(folder, 'password'),
    };
  });
  afterAll(async () => {
    await Promise.all([kafka.stop(), partner.stop(), rm(folder, { recursive: true, force: true })]);
  }, 30_000);

  it('speak to each other over it', async () => {
    const waybill = await startWaybill(settings);
    try {
      await connectPatiently(waybill.api(), partner, 'Over TLS');
      await expectOnce(waybill.api(), ['Over TLS']);
    } finally {
      await waybill.close();
    }
  }, 150_000);

  it('say at once whose certificate is not to be trusted, and do not start', async () => {
    await writeFile(join(folder, 'stranger.pem'), (await newCertificate()).certificate);
    const { code, output } = await runToItsEnd({ ...settings, WAYBILL_KAFKA_CA_FILE: join(folder, 'stranger.pem') });
    expect(code).toBe(1);
    expect(output).toMatch(/certificate of Kafka at localhost:\d+ is not to be trusted: .*WAYBILL_KAFKA_CA_FILE/);
  });
});
