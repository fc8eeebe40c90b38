import type { IncomingHttpHeaders } from 'node:http';
import proxy from '@fastify/http-proxy';
import {
  answerFrameworkError,
  asWaybillError,
  CLOSED_IN_ORDER,
  closeInOrder,
  type Configuration,
  problemOf,
  refuseForeignPages,
  retryAfterOf,
} from '@waybill/service-kit';
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { answerAfterBody, partBody } from './bodies.js';
import { DOCS_SCRIPT, mergedDocument } from './documents.js';
import { mergedHealth } from './health.js';
import { mergedMetrics } from './metrics.js';
import { ownerOf } from './owners.js';
import { createTurns, serviceAway, type Upstreams } from './upstreams.js';

/** An upload takes as long as it takes; this is for the answer that follows it, and more than the longest `Prefer: wait`. */
const ANSWER_MS = 600_000;

/**
 * The whole HTTP contract at one address: each request goes to the service that owns its path, its body and its answer
 * streamed as they are. What each service says of itself (health, metrics, documents) is put together here. Not listening yet.
 */
export const createFront = (configuration: Configuration, upstreams: Upstreams): FastifyInstance => {
  const front = fastify({
    ...CLOSED_IN_ORDER,
    frameworkErrors: answerFrameworkError,
    routerOptions: { maxParamLength: 16_384 },
  });
  const nextOf = createTurns(upstreams);
  closeInOrder(front);
  if (configuration.auth.mode === 'none') front.addHook('onRequest', async (request) => refuseForeignPages(request));
  front.setErrorHandler(answerProblem);

  front.get('/health/live', () => ({ status: 'up' }));
  front.get('/health/ready', async (_, reply) => {
    const health = await mergedHealth(upstreams);
    if (health.status === 'down') void reply.status(503).header('retry-after', '2');
    return health;
  });
  front.get('/metrics', async (_, reply) =>
    reply.type('text/plain; version=0.0.4').send(await mergedMetrics(upstreams)),
  );
  front.get('/openapi.json', () => mergedDocument(nextOf));
  front.get('/docs/swagger-ui-init.js', (_, reply) => reply.type('text/javascript').send(DOCS_SCRIPT));

  void front.register(proxy, {
    upstream: '',
    prefix: '/',
    preHandler: partBody,
    undici: { connections: null, headersTimeout: ANSWER_MS, bodyTimeout: 0 },
    replyOptions: {
      getUpstream: ({ url }) => nextOf(ownerOf(url)),
      rewriteRequestHeaders: asItCame,
      onResponse: answerAfterBody,
      retryDelay: () => null, // whether to try again is for the client to say
      onError: (reply, { error }) =>
        void answerProblem(serviceAway(ownerOf(reply.request.url), error), reply.request, reply as FastifyReply),
    },
  });
  return front;
};

interface AskedFor {
  readonly method: string;
  readonly headers: { readonly host?: string | undefined };
}

/** Of one connection, and so not for the next; or refused by the client that asks the service. */
const HOP_BY_HOP = ['expect', 'keep-alive', 'upgrade', 'te', 'trailer'];

/** The service sees the Host that was asked for: without authentication it refuses foreign ones. */
const asItCame = ({ method, headers: { host } }: AskedFor, headers: IncomingHttpHeaders): IncomingHttpHeaders => {
  const dropped = new Set(method === 'GET' || method === 'HEAD' ? [...HOP_BY_HOP, 'content-length'] : HOP_BY_HOP);
  const kept = Object.entries(headers).filter(([name]) => !dropped.has(name));
  return { ...Object.fromEntries(kept), ...(host === undefined ? {} : { host }) };
};

const answerProblem = (error: unknown, { url }: { readonly url: string }, reply: FastifyReply): FastifyReply => {
  const retryAfter = retryAfterOf(asWaybillError(error));
  const problem = problemOf(error, url);
  if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
  return reply.status(problem.status).type('application/problem+json').send(problem);
};
