import { once } from 'node:events';
import { createServer as createHttp1Server, type IncomingMessage } from 'node:http';
import {
  createServer as createHttp2Server,
  createSecureServer as createSecureHttp2Server,
  type Http2ServerRequest,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export type Protocol = 'http/1.1' | 'http/2';
export type Request = IncomingMessage | Http2ServerRequest;
/** What the responses of both have in common. */
export interface Response {
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  end(body: string): unknown;
}

type Serve = (request: Request, response: Response) => void;

/** In PEM. */
export interface Certificate {
  readonly key: string;
  readonly certificate: string;
}

export interface Listener {
  readonly endpoint: string;
  /** How many were made so far. */
  connections(): number;
  stop(): Promise<void>;
}

/** How every HTTP/2 client begins (RFC 9113, 3.4). */
const PREFACE = 'PRI ';

/** Without TLS nothing is negotiated: the first bytes of a client tell how it speaks. */
const createPlainServer = (speaks: Protocol | 'both', serve: Serve): Server => {
  const servers = { 'http/1.1': createHttp1Server(serve), 'http/2': createHttp2Server(serve) };
  return createServer((socket) => {
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
};

const createTlsServer = (speaks: Protocol | 'both', { key, certificate: cert }: Certificate, serve: Serve): Server =>
  speaks === 'http/1.1'
    ? createHttpsServer({ key, cert }, serve)
    : createSecureHttp2Server({ key, cert, allowHTTP1: speaks === 'both' }, serve);

/** Serves one protocol or both on one port of the loopback; with a certificate over TLS. */
export const listen = async (
  port: number,
  speaks: Protocol | 'both',
  certificate: Certificate | undefined,
  serve: Serve,
): Promise<Listener> => {
  const server = certificate ? createTlsServer(speaks, certificate, serve) : createPlainServer(speaks, serve);
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => connections,
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
