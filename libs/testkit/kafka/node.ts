import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { type LocalProcess, startProcess } from '../local-process/index.js';

/** Who may come in through the listener that asks: each of these users by its mechanism. */
export const SCRAM_USER = { username: 'alice', password: 'alice-secret' };
export const PLAIN_USER = { username: 'bob', password: 'bob-secret' };

/** The ports of one node; the clients' one is `plain`, or `sasl` with a name and a password. */
export interface NodePorts {
  readonly plain: number;
  readonly sasl: number;
  readonly controller: number;
}

/** One broker of a cluster: a process that can be killed and started again on its folder. */
export interface KafkaNode {
  readonly id: number;
  readonly address: string;
  readonly saslAddress: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Again on the same folder; resolves when it serves. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * After a kill a node may register again only when its old session has run out: short here. Topics are made by nobody but
 * those who ask for them, and a group does not wait for further members.
 */
const configuration = (home: string, id: number, nodes: readonly NodePorts[]): string => {
  const replicas = nodes.length;
  const ports = nodes[id - 1]!;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${PLAIN_USER.username}="${PLAIN_USER.password}";`;
  return `
process.roles=broker,controller
node.id=${id}
controller.quorum.voters=${nodes.map(({ controller }, index) => `${index + 1}@127.0.0.1:${controller}`).join(',')}
controller.listener.names=CONTROLLER
listeners=PLAIN://127.0.0.1:${ports.plain},SASL://127.0.0.1:${ports.sasl},CONTROLLER://127.0.0.1:${ports.controller}
advertised.listeners=PLAIN://127.0.0.1:${ports.plain},SASL://127.0.0.1:${ports.sasl}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN
listener.name.sasl.scram-sha-256.sasl.jaas.config=${scram}
listener.name.sasl.scram-sha-512.sasl.jaas.config=${scram}
listener.name.sasl.plain.sasl.jaas.config=${plain}
log.dirs=${home}/data
auto.create.topics.enable=false
default.replication.factor=${replicas}
min.insync.replicas=${Math.max(1, replicas - 1)}
offsets.topic.replication.factor=${replicas}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=${replicas}
transaction.state.log.min.isr=${Math.max(1, replicas - 1)}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=${replicas}
share.coordinator.state.topic.min.isr=${Math.max(1, replicas - 1)}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
`;
};

const LOGGING = '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn';

/** Writes its configuration and formats its folder; it starts with `start`. */
export const prepareNode = async (
  jars: string,
  folder: string,
  clusterId: string,
  id: number,
  nodes: readonly NodePorts[],
): Promise<KafkaNode> => {
  const home = join(folder, `node-${id}`);
  const settings = join(home, 'server.properties');
  const ports = nodes[id - 1]!;
  await mkdir(home);
  await writeFile(settings, configuration(home, id, nodes));
  const user = `[name=${SCRAM_USER.username},password=${SCRAM_USER.password}]`;
  await promisify(execFile)('java', [
    ...[LOGGING, '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format'],
    ...['--cluster-id', clusterId, '--config', settings],
    ...['--add-scram', `SCRAM-SHA-512=${user}`, '--add-scram', `SCRAM-SHA-256=${user}`],
  ]);

  const address = `127.0.0.1:${ports.plain}`;
  let server: LocalProcess | undefined;
  return {
    id,
    address,
    saslAddress: `127.0.0.1:${ports.sasl}`,
    async start() {
      for (const port of [ports.plain, ports.sasl, ports.controller]) await untilFree(port);
      const heap = ['-Xms96m', `-Xmx${nodes.length > 1 ? 384 : 512}m`, '-XX:+UseSerialGC'];
      server = await startProcess(
        'java',
        [LOGGING, ...heap, '-cp', `${jars}/*`, 'kafka.Kafka', settings],
        () => serves(address),
        { withinMs: 100_000 },
      );
    },
    kill: async () => server?.kill(),
    stop: async () => server?.stop(),
  };
};

/** The port opens before the broker is of use: it is when it can name its controller. */
const serves = async (address: string): Promise<boolean> => {
  const client = new Kafka({
    brokers: [address],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 5_000,
    retry: { retries: 0 },
  });
  const admin = client.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).controller !== null;
  } finally {
    await admin.disconnect();
  }
};

/** A killed process holds its ports for a moment. */
const untilFree = async (port: number): Promise<void> => {
  for (;;) {
    const probe = createServer().listen(port, '127.0.0.1');
    const free = await once(probe, 'listening').then(
      () => true,
      () => false,
    );
    if (!free) {
      await sleep(50);
      continue;
    }
    probe.close();
    return void (await once(probe, 'close'));
  }
};
