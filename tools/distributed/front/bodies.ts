import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { PassThrough, Readable } from 'node:stream';

interface Asked {
  readonly raw: IncomingMessage | Http2ServerRequest;
  body?: unknown;
}

interface Reply {
  removeHeader(name: string): { send(payload: unknown): unknown };
}

/**
 * Parts the client's connection from the body that goes to the service: when a service answers before it has read all of it,
 * that body ends, and the rest is passed over.
 */
export const partBody = (request: Asked, _: unknown, done: () => void): void => {
  const { raw } = request;
  if (request.body instanceof Readable) {
    const body = raw.pipe(new PassThrough());
    raw.once('close', () => raw.complete || body.destroy());
    body.once('close', () => raw.resume());
    request.body = body;
  }
  done();
};

/** Answers once the body was read to its end, or a client that still writes would be cut off before it sees the answer. */
export const answerAfterBody = ({ raw }: Asked, reply: Reply, answered: unknown): void => {
  const { stream } = answered as { readonly stream: Readable };
  const answer = () => reply.removeHeader('connection').send(stream);
  if (raw.complete) answer();
  else raw.once('end', answer).once('close', () => raw.complete || stream.destroy());
};
