import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';

/** The port of a server, and the connections to it. */
export interface Listener {
  readonly port: number;
  /** Resets every connection, as the end of a killed process does: gRPC's own shutdown says goodbye first. */
  kill(): Promise<void>;
}

/** 0 takes a free port. */
export const listen = async (
  server: Server,
  credentials: ServerCredentials,
  host: string,
  port: number,
): Promise<Listener> => {
  const sockets = new Set<Socket>();
  const injector = server.createConnectionInjector(credentials);
  const door = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined); // a client that goes away
    injector.injectConnection(socket);
  }).listen(port, host);
  await once(door, 'listening');
  return {
    port: (door.address() as AddressInfo).port,
    kill: async () => {
      door.close();
      sockets.forEach((socket) => socket.resetAndDestroy());
      await once(door, 'close');
      injector.destroy();
      server.forceShutdown();
    },
  };
};
