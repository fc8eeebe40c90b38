import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newCertificate } from '../certificate/index.js';
import { type KafkaNode, newPorts, prepareNode } from './node.js';

/** Some Kafka to talk to, wherever it runs. */
export interface KafkaCounterpart {
  readonly brokers: readonly string[];
  stop(): Promise<void>;
}

/** Genuine Apache Kafka brokers on this machine, each broker and controller (KRaft). */
export interface KafkaCluster extends KafkaCounterpart {
  /** The same through the listener that asks for a name and a password (SASL without TLS). */
  readonly saslBrokers: readonly string[];
  /** Over TLS, without a name and with one; their certificate is of `localhost` alone. */
  readonly tlsBrokers: readonly string[];
  readonly saslTlsBrokers: readonly string[];
  /** The authority of their certificate, PEM. */
  readonly authority: string;
  readonly nodes: readonly KafkaNode[];
}

/** Kafka's tools take one that begins with a dash for an option, and so does Kafka make none. */
const newClusterId = (): string => {
  const bytes = randomBytes(16);
  bytes[0]! &= 0x7f;
  return bytes.toString('base64url');
};

interface ClusterOptions {
  readonly nodes?: 1 | 3;
  readonly port?: number;
}

const TRIES = 3;

/** Up in about 8 s, three nodes in about 15 s. `jars` from `findJars`; `port` is the first node's, 0 takes a free one. */
export const startKafka = async (jars: string, options: ClusterOptions = {}): Promise<KafkaCluster> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startOnce(jars, options);
    } catch (error) {
      // A cluster has many ports, and another program may have taken one that was free a moment ago.
      if (tries === TRIES || options.port) throw error;
    }
  }
};

/** Rejects with the first failure once nothing runs or starts any more but what `stop` knows of. */
const startAll = async (nodes: readonly KafkaNode[]): Promise<void> => {
  const failed = new AbortController();
  const starts = nodes.map((node) => node.start(failed.signal).catch((error: unknown) => failed.abort(error)));
  await Promise.all(starts);
  failed.signal.throwIfAborted();
};

const startOnce = async (jars: string, { nodes: count = 1, port = 0 }: ClusterOptions): Promise<KafkaCluster> => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-kafka-'));
  const ports = [await newPorts(port === 0 ? undefined : port)];
  while (ports.length < count) ports.push(await newPorts());
  const certificate = await newCertificate(['localhost']);
  const clusterId = newClusterId();
  const nodes: KafkaNode[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    for (let id = 1; id <= count; id++) {
      nodes.push(await prepareNode({ jars, folder, clusterId, id, nodes: ports, certificate }));
    }
    await startAll(nodes);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    brokers: nodes.map(({ addresses }) => addresses.plain),
    saslBrokers: nodes.map(({ addresses }) => addresses.sasl),
    tlsBrokers: nodes.map(({ addresses }) => addresses.tls),
    saslTlsBrokers: nodes.map(({ addresses }) => addresses.sasltls),
    authority: certificate.certificate,
    nodes,
    stop,
  };
};
