import type { Socket } from 'node:net';
import { WaybillError } from '@waybill/kernel';
import type { FastifyInstance } from 'fastify';

/** For the server that `closeInOrder` is given: what still comes while it closes is refused by us, in our own terms. */
export const CLOSED_IN_ORDER = { forceCloseConnections: 'idle', return503OnClosing: false } as const;

/**
 * A connection on which nothing was asked yet, as browsers and pools open them ahead, is no idle one to Node and would hold
 * up the end of the process: here they are closed with the server, and so is one that is only accepted while it closes.
 * A request that comes behind another one on its connection is told to come again.
 */
export const closeInOrder = (fastify: FastifyInstance): void => {
  const unused = new Set<Socket>();
  let closing = false;
  fastify.server.on('connection', (socket: Socket) => {
    if (closing) return socket.destroy();
    unused.add(socket);
    return socket.once('close', () => unused.delete(socket));
  });
  fastify.server.on('request', ({ socket }) => unused.delete(socket));
  fastify.addHook('onRequest', async () => {
    if (closing)
      throw new WaybillError('service-stopping', 'unavailable', 'The service is stopping; try again shortly.');
  });
  // One that was under way when all idle connections were closed leaves its own behind, and a client may keep that open.
  fastify.addHook('onResponse', async () => {
    if (closing) fastify.server.closeIdleConnections();
  });
  fastify.addHook('preClose', async () => {
    closing = true;
    unused.forEach((socket) => socket.destroy());
  });
};
