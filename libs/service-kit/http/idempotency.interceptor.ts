import { createHmac } from 'node:crypto';
import { type CallHandler, type ExecutionContext, Inject, Injectable, type NestInterceptor } from '@nestjs/common';
import { canonicalJson, WaybillError } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { catchError, from, map, mergeMap, type Observable, of } from 'rxjs';
import { DATABASE } from '../backbone/tokens.js';
import { isStream } from './bodies.js';
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

type Ended = Pick<KnownOutcome, 'headers' | 'body'> & { readonly status: number };

const RETENTION = '7 days';

/** Ends the memory of keys that nobody repeats any more. */
export const forgetOldOutcomes = async (database: Database): Promise<void> =>
  void (await database.pool.query(`delete from command_outcomes where created_at < now() - interval '${RETENTION}'`));

/**
 * On every route: sets status, ETag, X-Position and Location from an `Outcome`, and gives a command's first outcome again
 * for a repeated Idempotency-Key. An outcome is a 2xx other than 202, or a 4xx; anything else leaves the command open, and
 * the same key runs the same command id again, which joins what is under way.
 */
@Injectable()
export class CommandOutcomes implements NestInterceptor {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    const send = (value: unknown): unknown => {
      if (!(value instanceof Outcome)) return value;
      if (value.answer.status !== undefined) void reply.status(value.answer.status);
      void reply.headers(value.headers());
      return value.body;
    };
    const isQuestion = request.method === 'GET' || request.method === 'HEAD';
    const key = isQuestion ? undefined : idempotencyKeyOf(request);
    if (key === undefined) return next.handle().pipe(map(send));

    const { commandId } = commandContextOf(request);
    return from(this.known(request, commandId, key)).pipe(
      mergeMap((known) => {
        if (isEnded(known)) return of(this.replay(reply, known));
        return next.handle().pipe(
          mergeMap(async (value) => {
            const body = send(value);
            if (reply.statusCode >= 300 || reply.statusCode === 202) return body;
            const headers = value instanceof Outcome ? value.headers() : {};
            const first = await this.remember(commandId, { status: reply.statusCode, headers, body });
            return first ? this.replay(reply, first) : body;
          }),
          catchError(async (error: unknown) => {
            const problem = problemOf(error, request.url);
            if (problem.status >= 500 || problem.status === 429) throw error;
            const headers = { 'content-type': 'application/problem+json' };
            const first = await this.remember(commandId, { status: problem.status, headers, body: problem });
            if (first) return this.replay(reply, first);
            throw error;
          }),
        );
      }),
    );
  }

  private async known(request: FastifyRequest, commandId: string, key: string): Promise<KnownOutcome> {
    const { method, url, body } = request;
    // Keyed by what is stored nowhere: from a bare digest a weak password in the body could be guessed.
    const digest = createHmac('sha256', key)
      .update(canonicalJson({ method, url, body: isStream(body) ? null : body }))
      .digest('hex');
    await this.database.pool.query(
      'insert into command_outcomes (command_id, request_digest) values ($1, $2) on conflict do nothing',
      [commandId, digest],
    );
    const known = (await this.read(commandId)) ?? { request_digest: digest, status: null, headers: null, body: null };
    if (known.request_digest !== digest) {
      throw new WaybillError(
        'idempotency-key-reused',
        'refused',
        'This Idempotency-Key was used for another request. Take a new key for a new request.',
      );
    }
    return known;
  }

  private async read(commandId: string): Promise<KnownOutcome | undefined> {
    const { rows } = await this.database.pool.query<KnownOutcome>(
      'select request_digest, status, headers, body from command_outcomes where command_id = $1',
      [commandId],
    );
    return rows[0];
  }

  private replay(reply: FastifyReply, { status, headers, body }: Ended): unknown {
    void reply.status(status).headers({ ...headers, 'idempotency-replayed': 'true' });
    return body;
  }

  /** Answers the first outcome where the same command, sent twice at once, was faster. */
  private async remember(commandId: string, { status, headers, body }: Ended): Promise<Ended | undefined> {
    const { rowCount } = await this.database.pool.query(
      'update command_outcomes set status = $2, headers = $3, body = $4 where command_id = $1 and status is null',
      [commandId, status, JSON.stringify(headers), JSON.stringify(body ?? null)],
    );
    const known = rowCount === 0 ? await this.read(commandId) : undefined;
    return known && isEnded(known) ? known : undefined;
  }
}

const isEnded = (known: KnownOutcome): known is KnownOutcome & Ended => known.status !== null;
