import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { digestOf, WaybillError } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, map, mergeMap, type Observable, of } from 'rxjs';
import { DATABASE } from '../backbone/tokens.js';
import { callerOf } from './caller.js';
import { commandContextOf, idempotencyKeyOf } from './command-context.js';
import { Outcome } from './outcome.js';
import { problemOf } from './problem.js';

/** Outcomes of commands that came with an Idempotency-Key; a row without a status is a command under way. */
export const idempotencyMigrations: readonly Migration[] = [
  {
    name: '001-command-outcomes',
    sql: `create table command_outcomes (
            command_id uuid primary key, request_digest text not null,
            status int, headers json, body json, created_at timestamptz not null default now());
          create index on command_outcomes (created_at)`,
  },
];

interface KnownOutcome {
  readonly request_digest: string;
  readonly status: number | null;
  readonly headers: Record<string, string> | null;
  readonly body: unknown;
}

/** Outcomes are kept this long, as is usual for idempotency keys. */
export const OUTCOME_RETENTION = '7 days';

/**
 * On every command route: sets status, ETag, X-Position and Location from an `Outcome`, and gives the first outcome again
 * for a repeated Idempotency-Key. An outcome is a 2xx other than 202, or a 4xx; anything else leaves the command open, and
 * the same key runs the same command id again, which joins what is under way.
 */
@Injectable()
export class CommandOutcomes implements NestInterceptor {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    if (request.method === 'GET' || request.method === 'HEAD') return next.handle();
    const send = (value: unknown): unknown => {
      if (!(value instanceof Outcome)) return value;
      if (value.answer.status !== undefined) void reply.status(value.answer.status);
      void reply.headers(value.headers());
      return value.body;
    };
    if (idempotencyKeyOf(request) === undefined) return next.handle().pipe(map(send));

    const { commandId } = commandContextOf(request);
    return from(this.known(request, commandId)).pipe(
      mergeMap((known) => {
        if (known.status !== null) return of(this.replay(reply, known as KnownOutcome & { status: number }));
        return next.handle().pipe(
          mergeMap(async (value) => {
            const body = send(value);
            if (reply.statusCode < 300 && reply.statusCode !== 202) {
              await this.remember(commandId, reply.statusCode, value instanceof Outcome ? value.headers() : {}, body);
            }
            return body;
          }),
          catchError(async (error: unknown) => {
            const problem = problemOf(error, request.url);
            if (problem.status < 500 && problem.status !== 429) {
              await this.remember(commandId, problem.status, { 'content-type': 'application/problem+json' }, problem);
            }
            throw error;
          }),
        );
      }),
    );
  }

  private async known(request: FastifyRequest, commandId: string): Promise<KnownOutcome> {
    const { actor: _, ...scope } = callerOf(request);
    const digest = digestOf({
      method: request.method,
      url: request.url,
      body: isStream(request.body) ? null : request.body,
      scope: scope.tenant,
    });
    await this.database.pool.query(
      'insert into command_outcomes (command_id, request_digest) values ($1, $2) on conflict do nothing',
      [commandId, digest],
    );
    const { rows } = await this.database.pool.query<KnownOutcome>(
      'select request_digest, status, headers, body from command_outcomes where command_id = $1',
      [commandId],
    );
    const known = rows[0] ?? { request_digest: digest, status: null, headers: null, body: null };
    if (known.request_digest !== digest) {
      throw new WaybillError(
        'idempotency-key-reused',
        'refused',
        'This Idempotency-Key was used for another request. Take a new key for a new request.',
      );
    }
    return known;
  }

  private replay(reply: FastifyReply, known: KnownOutcome & { status: number }): unknown {
    void reply.status(known.status).headers({ ...known.headers, 'idempotency-replayed': 'true' });
    return known.status >= 400 ? known.body : known.body;
  }

  private async remember(
    commandId: string,
    status: number,
    headers: Record<string, string>,
    body: unknown,
  ): Promise<void> {
    await this.database.pool.query(
      'update command_outcomes set status = $2, headers = $3, body = $4 where command_id = $1 and status is null',
      [commandId, status, JSON.stringify(headers), JSON.stringify(body ?? null)],
    );
  }
}

const isStream = (body: unknown): boolean =>
  typeof (body as { pipe?: unknown } | null | undefined)?.pipe === 'function';
