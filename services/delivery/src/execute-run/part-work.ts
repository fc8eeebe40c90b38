import { EventEmitter } from 'node:events';
import { Inject, Injectable } from '@nestjs/common';
import { type Problem, problemOf } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import type { Run } from '../run/index.js';
import type { OfAttempt } from './boundaries.js';
import type { Step } from './deliver.js';

export const partWorkMigrations: readonly Migration[] = [
  {
    name: '005-part-work',
    sql: `create table part_work (
            run_id uuid not null, attempt int not null, part int not null,
            tenant text not null, sandbox text not null, path text not null, snapshot text not null,
            state text not null default 'waiting' check (state in ('waiting', 'taken', 'stopping', 'staged', 'failed')),
            take bigint, worker text, lease_until timestamptz, retaken boolean not null default false,
            rows bigint not null default 0, bytes bigint not null default 0,
            step jsonb, problem jsonb, queued_at timestamptz not null default clock_timestamp(),
            primary key (run_id, attempt, part));
          create index on part_work (queued_at) where state in ('waiting', 'taken');
          create sequence part_takes`,
  },
];

/** A part that whoever has time may stage. */
export interface OfferedPart extends OfAttempt, Scope {
  readonly part: number;
  /** Under which it is to be published. */
  readonly path: string;
  /** Of the database, in which it is to be read. */
  readonly snapshot: string;
}

/** A part in the hands of one worker. */
export interface TakenPart extends OfferedPart {
  readonly worker: string;
  /** The fence: no other take of any part has this number. */
  readonly take: string;
  /** Whether another has had it before, and may have left something at the partner. */
  readonly retaken: boolean;
}

export type Outcome =
  | { readonly state: 'staged'; readonly step: Step }
  | { readonly state: 'failed'; readonly problem: Problem }
  /** Nothing is known of it: nobody has it, and nobody will. */
  | { readonly state: 'gone' };

/** What the names begin with that a part is written under before it is published, whoever writes it. */
export const ownerOfPart = ({ runId }: Pick<Run, 'runId'>, part: number): string => `${runId}-part-${part}-`;

const PLACE = 'run_id = $1 and attempt = $2 and part = $3';
const HELD = `${PLACE} and take = $4 and worker = $5 and state = 'taken'`;
const placeOf = ({ runId, attempt, part }: OfferedPart) => [runId, attempt, part];
const heldBy = (taken: TakenPart) => [...placeOf(taken), taken.take, taken.worker];

type Pending = 'waiting' | 'taken' | 'stopping';
const isPending = (row: Outcome | { readonly state: Pending }): row is { readonly state: Pending } =>
  ['waiting', 'taken', 'stopping'].includes(row.state);

/**
 * The parts of runs that are offered to the workers of all delivery processes, each of which one holds by a lease. What it
 * has done counts only while the part is still its own: every statement of a holder names its take.
 */
@Injectable()
export class PartWork {
  /** `offered` and `done` within this process: hints, beside looking from time to time. */
  readonly bell = new EventEmitter().setMaxListeners(0);

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async offer({ runId, attempt, part, tenant, sandbox, path, snapshot }: OfferedPart): Promise<void> {
    await this.database.pool.query(
      'insert into part_work (run_id, attempt, part, tenant, sandbox, path, snapshot) values ($1, $2, $3, $4, $5, $6, $7)',
      [runId, attempt, part, tenant, sandbox, path, snapshot],
    );
    this.bell.emit('offered');
  }

  /** The part that waits longest, or whose holder was not heard of for a lease. */
  async take(worker: string, leaseSeconds: number): Promise<TakenPart | undefined> {
    const { rows } = await this.database.pool.query<TakenPart>(
      `with next as materialized (
         select run_id, attempt, part from part_work
         where state = 'waiting' or state = 'taken' and lease_until < now()
         order by queued_at limit 1 for update skip locked)
       update part_work as work
       set state = 'taken', worker = $1, take = nextval('part_takes'), retaken = take is not null,
           lease_until = now() + make_interval(secs => $2), rows = 0, bytes = 0
       from next where (work.run_id, work.attempt, work.part) = (next.run_id, next.attempt, next.part)
       returning work.run_id as "runId", work.attempt, work.part, tenant, sandbox, path, snapshot, worker,
         take::text, retaken`,
      [worker, leaseSeconds],
    );
    return rows[0];
  }

  /** Says how far it is, and keeps the part; false: it is no longer the worker's, who is to stop. */
  async renew(taken: TakenPart, leaseSeconds: number, done: { rows: number; bytes: number }): Promise<boolean> {
    return this.changed(
      `update part_work set lease_until = now() + make_interval(secs => $6), rows = $7, bytes = $8 where ${HELD}`,
      [...heldBy(taken), leaseSeconds, done.rows, done.bytes],
    );
  }

  /** False: the part is another's by now, and what was staged here is to be discarded. */
  async complete(taken: TakenPart, step: Step): Promise<boolean> {
    const { rows, bytes } = step.type === 'StagePart' ? step : { rows: 0, bytes: 0 };
    const completed = await this.changed(
      `update part_work set state = 'staged', step = $6, rows = $7, bytes = $8 where ${HELD}`,
      [...heldBy(taken), JSON.stringify(step), rows, bytes],
    );
    this.bell.emit('done');
    return completed;
  }

  async fail(taken: TakenPart, error: unknown): Promise<boolean> {
    const failed = await this.changed(`update part_work set state = 'failed', problem = $6 where ${HELD}`, [
      ...heldBy(taken),
      JSON.stringify(problemOf(error)),
    ]);
    this.bell.emit('done');
    return failed;
  }

  /** For another to take: this process goes down. */
  async giveBack(taken: TakenPart): Promise<void> {
    await this.changed(`update part_work set state = 'waiting' where ${HELD}`, heldBy(taken));
  }

  /** The holder has stopped and cleaned up, as it was asked to. */
  async leave(taken: TakenPart): Promise<void> {
    // One that is staged stays: this worker may have recorded that itself, and only the answer was lost.
    await this.changed(
      `delete from part_work where ${PLACE} and take = $4 and worker = $5 and state = 'stopping'`,
      heldBy(taken),
    );
  }

  /** Undefined while it is neither staged nor has failed. */
  async outcomeOf({ runId, attempt }: OfAttempt, part: number): Promise<Outcome | undefined> {
    const { rows } = await this.database.pool.query<Outcome | { readonly state: Pending }>(
      `select state, step, problem from part_work where ${PLACE}`,
      [runId, attempt, part],
    );
    const outcome = rows[0] ?? { state: 'gone' };
    return isPending(outcome) ? undefined : outcome;
  }

  /** Takes a part out of the offer that nobody has, or whose holder was not heard of for a lease. */
  async withdraw({ runId, attempt }: OfAttempt, part: number): Promise<{ readonly retaken: boolean } | undefined> {
    const { rows } = await this.database.pool.query<{ retaken: boolean }>(
      `delete from part_work where ${PLACE} and (state = 'waiting' or state = 'taken' and lease_until < now())
       returning take is not null as retaken`,
      [runId, attempt, part],
    );
    return rows[0];
  }

  /** Up to a part whose outcome is recorded. */
  async settle({ runId, attempt }: OfAttempt, part: number): Promise<void> {
    await this.changed('delete from part_work where run_id = $1 and attempt = $2 and part <= $3', [
      runId,
      attempt,
      part,
    ]);
  }

  /** Nobody is to begin, and who has begun is to stop. */
  async stop({ runId, attempt }: OfAttempt): Promise<void> {
    // One after the other: what was just being taken when the first looked is taken when the second does.
    const of = [runId, attempt];
    await this.changed("delete from part_work where run_id = $1 and attempt = $2 and state = 'waiting'", of);
    await this.changed(
      "update part_work set state = 'stopping' where run_id = $1 and attempt = $2 and state = 'taken'",
      of,
    );
  }

  /** How many were asked to stop, have not said that they did, and may still be alive. */
  async stopping({ runId, attempt }: OfAttempt): Promise<number> {
    const { rows } = await this.database.pool.query<{ count: number }>(
      `select count(*)::int as count from part_work
       where run_id = $1 and attempt = $2 and state = 'stopping' and lease_until > now()`,
      [runId, attempt],
    );
    return rows[0]?.count ?? 0;
  }

  /** Takes what there is of a run out of all hands, of earlier attempts too; answers what was staged, in order. */
  async clear({ runId, attempt }: OfAttempt): Promise<readonly Step[]> {
    const { rows } = await this.database.pool.query<{ step: Step; part: number }>(
      'delete from part_work where run_id = $1 and attempt <= $2 returning part, step',
      [runId, attempt],
    );
    return rows.filter(({ step }) => step !== null).map(({ step }) => step);
  }

  /** Of runs that ended while nobody was there to clear them. */
  async sweep(): Promise<void> {
    await this.changed(
      `delete from part_work using runs
       where runs.state->>'runId' = run_id::text and runs.state->>'status' in ('completed', 'failed', 'cancelled')`,
      [],
    );
  }

  private async changed(sql: string, values: readonly unknown[]): Promise<boolean> {
    const { rowCount } = await this.database.pool.query(sql, [...values]);
    return (rowCount ?? 0) > 0;
  }
}
