import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { freePort, isFree, type LocalProcess, startProcess } from '../local-process/index.js';

/** Who may come in through the listener that asks, each by its mechanism, and may do everything, as who need not say a name may. */
export const SCRAM_USER = { username: 'alice', password: 'alice-secret' };
export const PLAIN_USER = { username: 'bob', password: 'bob-secret' };
/** By SCRAM, too; may do what a test grants. */
export const RESTRICTED_USER = { username: 'carol', password: 'carol-secret' };

/** How a client may come in: `plain` lets anybody, the `sasl` ones ask for a name and a password, the `tls` ones encrypt. */
const LISTENERS = { plain: 'PLAINTEXT', sasl: 'SASL_PLAINTEXT', tls: 'SSL', sasltls: 'SASL_SSL' } as const;
type Listener = keyof typeof LISTENERS;
export type NodePorts = Readonly<Record<Listener | 'controller', number>>;

export const newPorts = async (plain?: number): Promise<NodePorts> => ({
  plain: plain ?? (await freePort()),
  sasl: await freePort(),
  tls: await freePort(),
  sasltls: await freePort(),
  controller: await freePort(),
});

/** One broker of a cluster: a process that can be killed and started again on its folder. */
export interface KafkaNode {
  readonly id: number;
  /** `127.0.0.1:9092`; those with TLS are of `localhost`, and their certificate is of no other name. */
  readonly addresses: Readonly<Record<Listener, string>>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Again on the same folder; resolves when it serves. An abort gives it up, and ends what was started. */
  start(signal?: AbortSignal): Promise<void>;
  stop(): Promise<void>;
}

export interface NodeOptions {
  readonly jars: string;
  readonly folder: string;
  readonly clusterId: string;
  readonly id: number;
  /** Of all nodes, in the order of their ids, which begin with 1. */
  readonly nodes: readonly NodePorts[];
  /** PEM, with its key. */
  readonly certificate: { readonly key: string; readonly certificate: string };
}

/**
 * After a kill a node may register again only when its old session has run out: short here. Topics are made by nobody but
 * those who ask for them, and a group does not wait for further members.
 */
const configuration = (home: string, { id, nodes }: NodeOptions, addresses: KafkaNode['addresses']): string => {
  const replicas = nodes.length;
  const names = Object.keys(LISTENERS) as Listener[];
  const { controller, ...ports } = nodes[id - 1]!;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${PLAIN_USER.username}="${PLAIN_USER.password}";`;
  const logins = ['sasl', 'sasltls'].map(
    (listener) => `
listener.name.${listener}.scram-sha-256.sasl.jaas.config=${scram}
listener.name.${listener}.scram-sha-512.sasl.jaas.config=${scram}
listener.name.${listener}.plain.sasl.jaas.config=${plain}`,
  );
  return `
process.roles=broker,controller
node.id=${id}
controller.quorum.voters=${nodes.map((node, index) => `${index + 1}@127.0.0.1:${node.controller}`).join(',')}
controller.listener.names=CONTROLLER
listeners=${names.map((name) => `${name}://127.0.0.1:${ports[name]}`).join(',')},CONTROLLER://127.0.0.1:${controller}
advertised.listeners=${names.map((name) => `${name}://${addresses[name]}`).join(',')}
listener.security.protocol.map=CONTROLLER:PLAINTEXT,${names.map((name) => `${name}:${LISTENERS[name]}`).join(',')}
inter.broker.listener.name=plain
ssl.keystore.type=PEM
ssl.keystore.location=${home}/broker.pem
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN${logins.join('')}
log.dirs=${home}/data
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:${SCRAM_USER.username};User:${PLAIN_USER.username}
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
export const prepareNode = async (options: NodeOptions): Promise<KafkaNode> => {
  const { jars, folder, clusterId, id, nodes, certificate } = options;
  const home = join(folder, `node-${id}`);
  const settings = join(home, 'server.properties');
  const ports = nodes[id - 1]!;
  const addresses = {
    plain: `127.0.0.1:${ports.plain}`,
    sasl: `127.0.0.1:${ports.sasl}`,
    tls: `localhost:${ports.tls}`,
    sasltls: `localhost:${ports.sasltls}`,
  };
  await mkdir(home);
  await writeFile(settings, configuration(home, options, addresses));
  await writeFile(join(home, 'broker.pem'), `${certificate.key}\n${certificate.certificate}`);
  const scramUsers = [SCRAM_USER, RESTRICTED_USER].flatMap(({ username, password }) =>
    ['SCRAM-SHA-512', 'SCRAM-SHA-256'].flatMap((mechanism) => [
      '--add-scram',
      `${mechanism}=[name=${username},password=${password}]`,
    ]),
  );
  await promisify(execFile)('java', [
    ...[LOGGING, '-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, 'kafka.tools.StorageTool', 'format'],
    ...['--cluster-id', clusterId, '--config', settings],
    ...scramUsers,
  ]);

  let server: LocalProcess | undefined;
  return {
    id,
    addresses,
    async start(signal) {
      for (const port of Object.values(ports)) await untilFree(port, signal);
      const heap = ['-Xms96m', `-Xmx${nodes.length > 1 ? 384 : 512}m`, '-XX:+UseSerialGC'];
      server = await startProcess(
        'java',
        [LOGGING, ...heap, '-cp', `${jars}/*`, 'kafka.Kafka', settings],
        () => serves(addresses.plain),
        { withinMs: 100_000, signal },
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

const FREE_MS = 10_000;

/** A killed process holds its ports for a moment; longer, and somebody else has taken it. */
const untilFree = async (port: number, signal: AbortSignal | undefined): Promise<void> => {
  const deadline = Date.now() + FREE_MS;
  while (!(await isFree(port))) {
    signal?.throwIfAborted();
    if (Date.now() > deadline) throw new Error(`Somebody else listens on port ${port}, which a Kafka was to have.`);
    await sleep(50);
  }
};
