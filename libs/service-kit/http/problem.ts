import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import { type ErrorKind, isWaybillError, messageOf, WaybillError } from '@waybill/kernel';
import { isTransient, databaseUnavailable } from '@waybill/postgres';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** `application/problem+json` (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly fields?: unknown;
  readonly checks?: unknown;
  readonly [extra: string]: unknown;
}

/** The only place that knows HTTP status codes. */
export const STATUS: Readonly<Record<ErrorKind, number>> = {
  malformed: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'version-conflict': 412,
  'too-large': 413,
  'unsupported-type': 415,
  refused: 422,
  'too-many': 429,
  unavailable: 503,
  internal: 500,
};

/** `revision-conflict` → `Revision conflict`. */
export const titleOf = (slug: string): string => {
  const words = slug.replaceAll('-', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

const FRAMEWORK: Readonly<Record<number, [slug: string, kind: ErrorKind]>> = {
  400: ['malformed-request', 'malformed'],
  404: ['route-not-found', 'not-found'],
  405: ['route-not-found', 'not-found'],
  413: ['body-too-large', 'too-large'],
  414: ['malformed-request', 'malformed'],
  415: ['content-type-unsupported', 'unsupported-type'],
};

/** Errors of the framework and the drivers in our own terms; what is none of these is a defect of ours. */
export const asWaybillError = (error: unknown): WaybillError => {
  if (isWaybillError(error)) return error;
  if (isTransient(error)) return databaseUnavailable(error);
  const status =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown } | null)?.statusCode;
  const known = typeof status === 'number' ? FRAMEWORK[status] : undefined;
  if (known) return new WaybillError(...known, (error as Error).message, { cause: error });
  return new WaybillError('internal-error', 'internal', 'Something went wrong on our side; the log has the details.', {
    cause: error,
  });
};

/** What every restart, rebuild or rush brings along: nothing is broken, and whoever asked is to ask again. */
const PASSING: ReadonlySet<string> = new Set([
  'projection-behind',
  'projections-stopped',
  'service-starting',
  'service-stopping',
  'stream-busy',
]);

/** A read model that something holds up does not catch up by itself. */
const isPassing = ({ slug, cause }: WaybillError): boolean =>
  PASSING.has(slug) && !(slug === 'projection-behind' && cause !== undefined);

const answeredWithoutFault = new WeakSet<object>();

/** Whether nobody has to look at the failure that a request was answered with. */
export const isFaultless = (request: FastifyRequest): boolean => answeredWithoutFault.has(request.raw);

const COME_AGAIN_S = 2;

/** Seconds until it may be tried again, for `Retry-After`: whoever is told that something is away is told when to come again. */
export const retryAfterOf = ({ kind, retryAfterSeconds }: WaybillError): number | undefined =>
  retryAfterSeconds ?? (kind === 'unavailable' ? COME_AGAIN_S : undefined);

export const problemOf = (error: unknown, instance: string): Problem => {
  const { slug, kind, message, fields, checks, extra } = asWaybillError(error);
  return {
    type: `/problems/${slug}`,
    title: titleOf(slug),
    status: STATUS[kind],
    detail: message,
    instance: instance.split('?')[0] ?? instance,
    ...(fields ? { fields } : {}),
    ...(checks ? { checks } : {}),
    ...extra,
  };
};

/** For what the framework refuses before there is a route: paths that cannot be decoded, or are too long. */
export const answerFrameworkError = (error: Error, request: FastifyRequest, reply: FastifyReply): void => {
  const problem = problemOf(error, request.url);
  void reply.status(problem.status).type('application/problem+json').send(problem);
};

/** The route and never the path, which may hold the id of a person. */
const placeOf = (request: FastifyRequest) => ({
  method: request.method,
  route: request.routeOptions.url ?? 'unknown',
});

@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('http');

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    if (request.raw.destroyed && !request.raw.complete) {
      this.log.log({ ...placeOf(request), reason: messageOf(error) }, 'a request broke off before its end');
      return;
    }
    const known = asWaybillError(error);
    const problem = problemOf(known, request.url);
    if (isPassing(known)) {
      answeredWithoutFault.add(request.raw);
      this.log.warn({ slug: known.slug, ...placeOf(request) }, known.message);
    } else if (problem.status >= 500) {
      this.log.error({ err: known.cause ?? known, slug: known.slug, ...placeOf(request) }, known.message);
    }
    if (reply.sent) return;
    const retryAfter = retryAfterOf(known);
    if (retryAfter !== undefined) void reply.header('retry-after', String(retryAfter));
    // A body that is too large is read to its end, or the client would be cut off before it sees the answer.
    if (known.kind === 'too-large') void reply.removeHeader('connection');
    if (known.kind === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
    void reply.status(problem.status).type('application/problem+json').send(problem);
  }
}
