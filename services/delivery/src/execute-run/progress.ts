import { Inject, Injectable } from '@nestjs/common';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { type Run, totalsOf } from '../run/index.js';
import type { PartProgress } from './part-stager.js';

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

/** What whoever executes a run says of all of it so far, and what workers say of the parts that they were offered. */
interface Report {
  readonly runId: string;
  readonly rows: number;
  readonly bytes: number;
  readonly offeredRows: number;
  readonly offeredBytes: number;
}

const REPORT_MS = 500;

/** How far the parts in hand are. A hint for people, kept apart from the events: it changes every second. */
@Injectable()
export class Progress {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Of the part that whoever executes the run stages itself: a few times a second. */
  reporterOf(run: Run): (done: PartProgress) => void {
    const before = totalsOf(run.parts);
    let reportedAt = 0;
    return ({ rows, contentBytes }) => {
      if (Date.now() - reportedAt < REPORT_MS) return;
      reportedAt = Date.now();
      // One that fails is only a progress bar that stands still.
      this.report(run.runId, before.rows + rows, before.bytes + contentBytes).catch(() => undefined);
    };
  }

  private async report(runId: string, rows: number, bytes: number): Promise<void> {
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
    const underWay = runs.filter(({ status }) => status === 'running');
    const { rows: reports } = await this.database.pool.query<Report>(
      `select run.run_id as "runId", coalesce(own.rows, 0) as rows, coalesce(own.bytes, 0) as bytes,
         coalesce(sum(work.rows), 0)::bigint as "offeredRows", coalesce(sum(work.bytes), 0)::bigint as "offeredBytes"
       from unnest($1::uuid[], $2::int[], $3::int[]) as run (run_id, attempt, parts)
         left join run_progress own on own.run_id = run.run_id
         left join part_work work on (work.run_id, work.attempt) = (run.run_id, run.attempt) and work.part > run.parts
       group by run.run_id, own.rows, own.bytes`,
      [
        underWay.map(({ runId }) => runId),
        underWay.map(({ attempt }) => attempt),
        underWay.map(({ parts }) => parts.length),
      ],
    );
    const reported = new Map(reports.map((report) => [report.runId, report]));
    return new Map(
      runs.map((run) => {
        const { rows, bytes } = totalsOf(run.parts);
        const inHand = reported.get(run.runId) ?? { rows: 0, bytes: 0, offeredRows: 0, offeredBytes: 0 };
        const totalRows = run.status === 'completed' ? rows : (run.plan?.members ?? 0);
        return [
          run.runId,
          {
            rows: Math.max(rows, inHand.rows) + inHand.offeredRows,
            totalRows,
            bytes: Math.max(bytes, inHand.bytes) + inHand.offeredBytes,
          },
        ];
      }),
    );
  }
}
