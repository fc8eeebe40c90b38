import { readFileSync } from 'node:fs';
import { connect, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { isWaybillError } from '@waybill/kernel';
import { type Admin, type ISocketFactory, Kafka, type KafkaConfig, logLevel, type SASLOptions } from 'kafkajs';
import { messagingUnavailable } from '../errors.js';
import { refusalOf } from './refusal.js';

/** Where a cluster is and how to be let in. */
export interface KafkaConnection {
  /** `host:port` of some brokers; the others are learned from them. */
  readonly brokers: readonly string[];
  /** Shown in the brokers' logs and quotas. Default `waybill`. */
  readonly clientId?: string | undefined;
  readonly tls?: boolean | undefined;
  /** The authority (PEM) that signed the brokers' certificates; unset: those that Node knows. */
  readonly caFile?: string | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  /** How sockets are made; the tests put their proxies here. */
  readonly socketFactory?: ISocketFactory | undefined;
}

/** An answer of a healthy broker takes milliseconds; a join and a fetch bring their own times on top. */
const REQUEST_MS = 10_000;
const CONNECT_MS = 3_000;

/** A few tries: whoever asks tries again, or looks for another broker (a consumer for the new coordinator of its group). */
export const FEW_RETRIES = { retries: 5, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };
/** For producers, up to a deadline of their own: a leader that is lost is replaced within seconds. */
export const MANY_RETRIES = { retries: 100, initialRetryTime: 100, maxRetryTime: 500, factor: 0.2, multiplier: 2 };

export const connectKafka = (
  { brokers, clientId = 'waybill', tls, caFile, sasl, socketFactory = openSocket }: KafkaConnection,
  retry: typeof FEW_RETRIES = FEW_RETRIES,
): Kafka => {
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_MS,
    authenticationTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    // What matters of it comes as events; its log names hosts and whole stacks on every retry.
    logLevel: logLevel.NOTHING,
    retry,
    ...(tls && { ssl: caFile === undefined ? true : { ca: readFileSync(caFile, 'utf8') } }),
    ...(sasl && { sasl: { ...sasl } as SASLOptions }), // kafkajs writes into it
    socketFactory,
  };
  return new Kafka(config);
};

const KEEP_ALIVE_MS = 30_000;

/** As kafkajs makes them, without Nagle's algorithm, and without its warning when many requests wait for a connection. */
const openSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  // kafkajs says that TLS is always there.
  const tls = ssl as ConnectionOptions | undefined;
  const socket = tls
    ? connectTls({ host, port, ...(isIP(host) === 0 && { servername: host }), ...tls }, onConnect)
    : connect({ host, port }, onConnect);
  return socket.setKeepAlive(true, KEEP_ALIVE_MS).setNoDelay(true).setMaxListeners(0);
};

/** Runs a call to the cluster; what it rejects with becomes an error of the port. */
export const reaching = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw isWaybillError(error) ? error : (refusalOf(error) ?? messagingUnavailable(error));
  }
};

/** Asks the cluster, on a connection of its own. */
export const withAdmin = <T>(connection: KafkaConnection, work: (admin: Admin) => Promise<T>): Promise<T> =>
  reaching(async () => {
    const admin = connectKafka(connection).admin();
    try {
      await admin.connect();
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  });
