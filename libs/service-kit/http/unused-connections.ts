import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * A connection on which nothing was asked yet, as browsers and pools open them ahead, is no idle one to Node and would hold
 * up the end of the process: here they are closed with the server, and so is one that is only accepted while it closes.
 */
export const closeUnusedConnections = (fastify: FastifyInstance): void => {
  const unused = new Set<Socket>();
  let closing = false;
  fastify.server.on('connection', (socket: Socket) => {
    if (closing) return socket.destroy();
    unused.add(socket);
    return socket.once('close', () => unused.delete(socket));
  });
  fastify.server.on('request', ({ socket }) => unused.delete(socket));
  fastify.addHook('preClose', async () => {
    closing = true;
    unused.forEach((socket) => socket.destroy());
  });
};
