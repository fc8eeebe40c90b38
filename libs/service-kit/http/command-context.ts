import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { type CommandContext, idFrom, newId, WaybillError } from '@waybill/kernel';
import type { FastifyRequest } from 'fastify';
import type { LogOwner } from '../operation/log-context.js';
import { callerOf, knownCallerOf } from './caller.js';
import { traceparentOfRequest } from './request-traces.js';

const contexts = new WeakMap<object, CommandContext>();

const header = (request: FastifyRequest, name: string): string | undefined => {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
};

export const idempotencyKeyOf = (request: FastifyRequest): string | undefined => {
  const key = header(request, 'idempotency-key');
  if (key === undefined) return undefined;
  if (key.length < 1 || key.length > 256) {
    throw new WaybillError('idempotency-key-malformed', 'malformed', 'Idempotency-Key must have 1 to 256 characters.');
  }
  return key;
};

const callersCorrelationId = (request: FastifyRequest): string | undefined =>
  header(request, 'x-correlation-id')?.slice(0, 128);

/** `If-Match: "7"` → 7; `*` is no revision. */
const expectedRevisionOf = (request: FastifyRequest): number | undefined => {
  const value = header(request, 'if-match');
  if (value === undefined || value === '*') return undefined;
  const revision = /^(?:W\/)?"(\d{1,15})"$/.exec(value)?.[1];
  if (revision === undefined) {
    throw new WaybillError('if-match-malformed', 'malformed', 'If-Match must be one revision in quotes, such as "7".');
  }
  return Number(revision);
};

/** The same key of the same caller is the same command: everything that follows derives its ids from `commandId`. */
export const commandContextOf = (request: FastifyRequest): CommandContext => {
  const known = contexts.get(request.raw);
  if (known) return known;
  const { tenant, sandbox, actor } = callerOf(request);
  const key = idempotencyKeyOf(request);
  const expectedRevision = expectedRevisionOf(request);
  const traceparent = traceparentOfRequest(request);
  const commandId = key === undefined ? newId() : idFrom('command', tenant, sandbox, key);
  const context: CommandContext = {
    tenant,
    sandbox,
    actor,
    commandId,
    at: new Date().toISOString(),
    correlationId: callersCorrelationId(request) ?? commandId,
    ...(expectedRevision === undefined ? {} : { expectedRevision }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  contexts.set(request.raw, context);
  return context;
};

/** Whose request it is, for the log: what the guard and the handler have found out by now. */
export const logOwnerOf = (request: FastifyRequest): LogOwner => {
  const { tenant, sandbox } = knownCallerOf(request) ?? {};
  const correlationId = contexts.get(request.raw)?.correlationId ?? callersCorrelationId(request);
  return { tenant, sandbox, correlationId };
};

export const Context = createParamDecorator((_: unknown, context: ExecutionContext): CommandContext =>
  commandContextOf(context.switchToHttp().getRequest<FastifyRequest>()),
);

const DEFAULT_WAIT_SECONDS = 30;
const MAX_WAIT_SECONDS = 300;

/** `Prefer: wait=N` in milliseconds (RFC 7240); 30 s when it is left out. */
export const PreferWait = createParamDecorator((_: unknown, context: ExecutionContext): number => {
  const prefer = header(context.switchToHttp().getRequest<FastifyRequest>(), 'prefer') ?? '';
  const seconds = /(?:^|[;,\s])wait\s*=\s*"?(\d{1,6})"?/i.exec(prefer)?.[1];
  return Math.min(seconds === undefined ? DEFAULT_WAIT_SECONDS : Number(seconds), MAX_WAIT_SECONDS) * 1000;
});
