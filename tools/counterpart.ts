// `npm run counterpart -- sftp|s3|kinesis|kafka|eventstoredb|event-hubs [--port N]`: a server of the test kit, to try Waybill on. Not for real data.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { fetchJars, PLAIN_USER, SCRAM_USER, startKafka } from '@waybill/testkit/kafka';
import { startEventHubsServer } from '@waybill/testkit/event-hubs';
import { startKinesisServer } from '@waybill/testkit/kinesis';
import { startS3Server } from '@waybill/testkit/s3-server';
import { startSftpServer } from '@waybill/testkit/sftp-server';

interface Running {
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

const sftp = async (port: number): Promise<Running> => {
  const root = await mkdtemp(join(tmpdir(), 'waybill-sftp-'));
  const server = await startSftpServer({ root, port, users: [{ username: 'waybill', password: 'let-me-try' }] });
  return {
    lines: [
      `SFTP server on ${server.host}, port ${server.port}, user "waybill", password "let-me-try"`,
      `host key ${server.fingerprint}; its files are in ${root}, and go with it`,
    ],
    stop: async () => {
      await server.stop();
      await rm(root, { recursive: true, force: true });
    },
  };
};

const s3 = async (port: number): Promise<Running> => {
  const server = await startS3Server({ port, buckets: ['waybill'] });
  return {
    lines: [
      `S3 server on ${server.endpoint}, bucket "waybill", region "${server.region}"`,
      `access key id "${server.accessKeyId}", secret access key "${server.secretAccessKey}"; it keeps everything in memory`,
    ],
    stop: () => server.stop(),
  };
};

const kafka = async (port: number): Promise<Running> => {
  const jars = fetchJars();
  if (!jars.available) throw new Error(jars.reason);
  const cluster = await startKafka(jars.value, { port });
  const user = ({ username, password }: typeof PLAIN_USER) => `user "${username}", password "${password}"`;
  return {
    lines: [
      `Apache Kafka on ${cluster.brokers.join(',')}; its topics go with it`,
      `with a password on ${cluster.saslBrokers.join(',')}: SCRAM-SHA-256 and -512 ${user(SCRAM_USER)}; PLAIN ${user(PLAIN_USER)}`,
    ],
    stop: () => cluster.stop(),
  };
};

const eventstoredb = async (port: number): Promise<Running> => {
  const server = await startEventStoreDb({ port });
  return {
    lines: [`EventStoreDB's protocol on ${server.url}; it keeps everything in memory`],
    stop: () => server.stop(),
  };
};

const eventHubs = async (port: number): Promise<Running> => {
  const server = await startEventHubsServer({
    port,
    onBatch: (hub, partition, events) => console.log(`hub "${hub}", partition ${partition}: ${events} events`),
  });
  return {
    lines: [
      `Event Hubs server on ${server.host}, port ${server.port}, hub "waybill"; it keeps everything in memory`,
      `connection string: ${server.connectionString()}`,
    ],
    stop: () => server.stop(),
  };
};

const kinesis = async (port: number): Promise<Running> => {
  const server = await startKinesisServer({
    port,
    streams: { waybill: 2 },
    onRecords: (stream, records) => console.log(`stream "${stream}": ${records} records`),
  });
  return {
    lines: [
      `Kinesis server on ${server.endpoint}, stream "waybill", region "${server.region}"`,
      `access key id "${server.accessKeyId}", secret access key "${server.secretAccessKey}"; it keeps everything in memory`,
    ],
    stop: () => server.stop(),
  };
};

const kinds: Readonly<Record<string, (port: number) => Promise<Running>>> = {
  sftp,
  s3,
  kafka,
  eventstoredb,
  kinesis,
  'event-hubs': eventHubs,
};

const main = async (): Promise<number> => {
  const { values, positionals } = parseArgs({
    options: { port: { type: 'string', default: '0' } },
    allowPositionals: true,
  });
  const start = kinds[positionals[0] ?? ''];
  const port = Number(values.port);
  if (!start || !Number.isInteger(port) || port < 0 || port > 65_535) {
    console.error(`npm run counterpart -- ${Object.keys(kinds).join('|')} [--port N]`);
    return 1;
  }
  const running = await start(port);
  running.lines.forEach((line) => console.log(line));
  await new Promise<void>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
  await running.stop();
  return 0;
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(1);
  },
);
