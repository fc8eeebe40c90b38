import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy with the faults that a real server does not give on demand. */
export interface TcpProxy {
  readonly port: number;
  /** `pass`; `cut`: connections break and none is made; `hold`: they stay, and nothing comes through either way. */
  set(fault: 'pass' | 'cut' | 'hold'): void;
  /** Requests go through; nothing comes back on the connections of now, which then break after `ms`. */
  swallowAnswers(ms: number): void;
  stop(): Promise<void>;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export const startTcpProxy = async (upstream: { readonly host: string; readonly port: number }): Promise<TcpProxy> => {
  let fault: 'pass' | 'cut' | 'hold' = 'pass';
  const pairs = new Set<Pair>();
  const breakAll = (): void => pairs.forEach(({ client, server }) => [client, server].forEach((end) => end.destroy()));

  const apply = ({ client, server }: Pair): void => {
    for (const end of [client, server]) {
      if (fault === 'hold') end.pause();
      else end.resume();
    }
  };

  const listener = createServer((client) => {
    if (fault === 'cut') return void client.destroy();
    const server = connect({ ...upstream, noDelay: true });
    const pair = { client: client.setNoDelay(true), server };
    pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (chunk) => {
        if (!to.write(chunk)) from.pause();
      });
      to.on('drain', () => fault !== 'hold' && from.resume());
      from.on('error', () => undefined); // its close follows
      from.on('close', () => {
        to.destroy();
        pairs.delete(pair);
      });
    }
    apply(pair);
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');

  return {
    port: (listener.address() as AddressInfo).port,
    set(next) {
      fault = next;
      if (fault === 'cut') breakAll();
      else pairs.forEach(apply);
    },
    swallowAnswers(ms) {
      const swallowed = [...pairs];
      for (const { server } of swallowed) server.removeAllListeners('data').resume();
      setTimeout(() => swallowed.forEach(({ client }) => client.destroy()), ms).unref();
    },
    async stop() {
      breakAll();
      listener.close();
      await once(listener, 'close');
    },
  };
};
