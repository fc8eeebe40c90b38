import { Inject, Injectable } from '@nestjs/common';
import { WaybillError } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { RETRY_DAYS, type Run } from '../run/index.js';

export const boundaryMigrations: readonly Migration[] = [
  {
    name: '003-boundaries',
    sql: `create table part_boundaries (
            run_id uuid not null, part int not null, last_key text not null, primary key (run_id, part))`,
  },
  { name: '004-boundary-attempts', sql: 'alter table part_boundaries add column attempt int not null default 0' },
];

export type OfAttempt = Pick<Run, 'runId' | 'attempt'>;

/**
 * Where each part of a run ended, so that the next one begins there after a crash. It names a profile, so it stands in a
 * table that is emptied when the run ends or can no longer be retried, and in no event.
 */
@Injectable()
export class Boundaries {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async endOf(runId: string, part: number): Promise<string | null> {
    if (part === 0) return null;
    const { rows } = await this.database.pool.query<{ last_key: string }>(
      'select last_key from part_boundaries where run_id = $1 and part = $2',
      [runId, part],
    );
    const boundary = rows[0]?.last_key;
    if (boundary === undefined) throw new Error(`run ${runId} has lost the end of its part ${part}`);
    return boundary;
  }

  /** Refuses (`run-attempt-superseded`) who comes back to life when a later attempt has found other rows. */
  async keep({ runId, attempt }: OfAttempt, part: number, lastKey: string): Promise<void> {
    const { rowCount } = await this.database.pool.query(
      `insert into part_boundaries as kept (run_id, part, last_key, attempt) values ($1, $2, $3, $4)
       on conflict (run_id, part) do update set last_key = excluded.last_key, attempt = excluded.attempt
         where kept.attempt <= excluded.attempt`,
      [runId, part, lastKey, attempt],
    );
    if (rowCount === 1) return;
    throw new WaybillError(
      'run-attempt-superseded',
      'conflict',
      `Attempt ${attempt} of the run may write no more: a later one has staged its part ${part}.`,
    );
  }

  /** Of runs that ended while nobody was there to forget them, and of those that failed too long ago to be retried. */
  async sweep(): Promise<void> {
    await this.database.pool.query(
      `delete from part_boundaries using runs
       where state->>'runId' = run_id::text
         and (state->>'status' in ('completed', 'cancelled')
              or state->>'status' = 'failed'
                 and (state->>'finishedAt')::timestamptz < now() - make_interval(days => $1))`,
      [RETRY_DAYS + 1], // a retry that was accepted in the last minute is not to lose them
    );
  }

  async forget(runId: string): Promise<void> {
    await this.database.pool.query('delete from part_boundaries where run_id = $1', [runId]);
  }
}
