import { Inject, Injectable } from '@nestjs/common';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { type Run, totalsOf } from '../run/index.js';

export const progressMigrations: readonly Migration[] = [
  {
    name: '002-progress',
    sql: `create table run_progress (
            run_id uuid primary key, rows bigint not null, bytes bigint not null, updated_at timestamptz not null default now())`,
  },
];

export interface RunProgress {
  readonly rows: number;
  /** Members of the segment when the run was planned; the rows may be more (identities) or fewer (left out). */
  readonly totalRows: number;
  readonly bytes: number;
}

/** How far the part in hand is. A hint for people, kept apart from the events: it changes every second. */
@Injectable()
export class Progress {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async report(runId: string, rows: number, bytes: number): Promise<void> {
    await this.database.pool.query(
      `insert into run_progress (run_id, rows, bytes) values ($1, $2, $3)
       on conflict (run_id) do update set rows = excluded.rows, bytes = excluded.bytes, updated_at = now()`,
      [runId, rows, bytes],
    );
  }

  async end(runId: string): Promise<void> {
    await this.database.pool.query('delete from run_progress where run_id = $1', [runId]);
  }

  async of(runs: readonly Run[]): Promise<ReadonlyMap<string, RunProgress>> {
    const underWay = runs.filter(({ status }) => status === 'running').map(({ runId }) => runId);
    const { rows: reports } = await this.database.pool.query<{ run_id: string; rows: number; bytes: number }>(
      'select run_id, rows, bytes from run_progress where run_id = any($1)',
      [underWay],
    );
    const reported = new Map(reports.map(({ run_id, ...report }) => [run_id, report]));
    return new Map(
      runs.map((run) => {
        const { rows, bytes } = totalsOf(run.parts);
        const inHand = reported.get(run.runId) ?? { rows: 0, bytes: 0 };
        const totalRows = run.status === 'completed' ? rows : (run.plan?.members ?? 0);
        return [run.runId, { rows: Math.max(rows, inHand.rows), totalRows, bytes: Math.max(bytes, inHand.bytes) }];
      }),
    );
  }
}
