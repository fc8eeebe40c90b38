import { connect } from 'node:net';
import { startTcpProxy, type TcpProxy } from '@waybill/testkit/tcp-proxy';
import type { KafkaConnection } from '../connection.js';

/** The way of one client to the brokers, each through a proxy of its own. */
export interface Network {
  readonly connection: Pick<KafkaConnection, 'brokers' | 'socketFactory'>;
  readonly proxies: readonly TcpProxy[];
  stop(): Promise<void>;
}

export const openNetwork = async (brokers: readonly string[]): Promise<Network> => {
  const proxies = new Map<number, TcpProxy>();
  for (const broker of brokers) {
    const [host = '', port] = broker.split(':');
    proxies.set(Number(port), await startTcpProxy({ host, port: Number(port) }));
  }
  return {
    connection: {
      brokers,
      // Brokers name their own ports, so the way is bent where sockets are made.
      socketFactory: ({ port, onConnect }) => connect({ host: '127.0.0.1', port: proxies.get(port)!.port }, onConnect),
    },
    proxies: [...proxies.values()],
    stop: async () => {
      for (const proxy of proxies.values()) await proxy.stop();
    },
  };
};
