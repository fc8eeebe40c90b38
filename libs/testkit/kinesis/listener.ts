import { once } from 'node:events';
import { createServer as createHttp1Server, type IncomingMessage } from 'node:http';
import { createServer as createHttp2Server, type Http2ServerRequest } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export type Protocol = 'http/1.1' | 'http/2';
export type Request = IncomingMessage | Http2ServerRequest;
/** What the responses of both have in common. */
export interface Response {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string): unknown;
}

export interface Listener {
  readonly port: number;
  stop(): Promise<void>;
}

/** How every HTTP/2 client begins (RFC 9113, 3.4). */
const PREFACE = 'PRI ';

/** Serves one protocol or both on one port of the loopback, without TLS. */
export const listen = async (
  port: number,
  speaks: Protocol | 'both',
  serve: (request: Request, response: Response) => void,
): Promise<Listener> => {
  const servers = { 'http/1.1': createHttp1Server(serve), 'http/2': createHttp2Server(serve) };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    if (speaks !== 'both') return void servers[speaks].emit('connection', socket);
    socket.once('data', (first) => {
      socket.pause();
      if (first.toString('latin1').startsWith(PREFACE)) {
        // It reads what was read ahead by itself, and the socket past JavaScript from then on.
        socket.unshift(first);
        servers['http/2'].emit('connection', socket);
      } else {
        servers['http/1.1'].emit('connection', socket);
        socket.unshift(first);
        socket.resume();
      }
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
};

/** Breaks the connection under a request, and with it all that it carries. */
export const breakConnection = (request: Request): void => {
  if ('stream' in request) request.stream.session?.destroy();
  else request.socket.destroy();
};
