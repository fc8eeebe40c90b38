import { context, SpanStatusCode } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { beginSpan } from '../operation/tracing.js';

type Begun = ReturnType<typeof beginSpan>;

const begun = new WeakMap<object, Begun>();
const QUIET = /^\/(health|metrics)/;

/** https://www.w3.org/TR/trace-context/#traceparent-header; anything else is passed over. */
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const callersTraceparent = ({ headers: { traceparent } }: FastifyRequest): string | undefined =>
  typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined;

/** The `traceparent` of the request's own span; the caller's, unchanged, while tracing is off. */
export const traceparentOfRequest = (request: FastifyRequest): string | undefined =>
  begun.get(request.raw)?.traceparent ?? callersTraceparent(request);

/** A span for each request, from its head to the end of the answer; named by its route, since a path may name a person. */
export const traceRequests = (fastify: FastifyInstance): void => {
  fastify.addHook('onRequest', (request, _, done) => {
    const route = request.routeOptions.url ?? 'unknown';
    if (!QUIET.test(route)) {
      const parent = callersTraceparent(request);
      const attributes = { 'http.request.method': request.method, 'http.route': route };
      begun.set(request.raw, beginSpan(`${request.method} ${route}`, { kind: 'server', parent, attributes }));
    }
    done();
  });
  // Active from here on, and not from the head on: the body has been read meanwhile, and with it the context would be left.
  fastify.addHook('preHandler', (request, _, done) => {
    const known = begun.get(request.raw);
    if (known === undefined) done();
    else context.with(known.context, done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const span = begun.get(request.raw)?.span;
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
};
