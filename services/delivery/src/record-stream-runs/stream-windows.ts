import { Inject, Injectable } from '@nestjs/common';
import type { RunCounts } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { streamRunId, THIS_HOUR } from '../send-events/ledger.js';

/** An hour of a destination, with what was counted in it so far. */
export interface StreamWindow extends Scope {
  readonly runId: string;
  readonly destinationId: string;
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly counts: RunCounts;
  readonly startedAt: string;
  readonly segmentIds: readonly string[];
  /** Nothing will be counted in it any more. */
  readonly isOver: boolean;
  /** When the run last told its counts; null before it has begun. */
  readonly toldAt: string | null;
}

const HOUR_MS = 3_600_000;
/** A transaction that counts may have begun just before the hour was over. */
const CLOSES_AFTER = `interval '61 minutes'`;

/** What the senders count, by hour, until the run of that hour has told it. */
@Injectable()
export class StreamWindows {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async open(): Promise<readonly StreamWindow[]> {
    const { rows } = await this.database.pool.query<WindowRow>(
      `select w.*, hour + ${CLOSES_AFTER} < now() as over,
              array(select segment_id from stream_segments s
                    where s.destination_id = w.destination_id and active order by 1) as segments
       from stream_windows w order by hour, destination_id`,
    );
    return rows.map(windowOf);
  }

  /** Counts of runs that are not complete, by run. */
  async countsOf(runIds: readonly string[]): Promise<ReadonlyMap<string, RunCounts>> {
    const open = runIds.length === 0 ? [] : await this.open();
    return new Map(open.filter(({ runId }) => runIds.includes(runId)).map(({ runId, counts }) => [runId, counts]));
  }

  async told({ destinationId, from }: StreamWindow): Promise<void> {
    await this.database.pool.query(
      'update stream_windows set told_at = now() where destination_id = $1 and hour = $2',
      [destinationId, from],
    );
  }

  async close({ destinationId, from }: StreamWindow): Promise<void> {
    await this.database.pool.query(
      `delete from stream_windows where destination_id = $1 and hour = $2 and hour < ${THIS_HOUR}`,
      [destinationId, from],
    );
  }
}

interface WindowRow extends Scope {
  readonly destination_id: string;
  readonly hour: Date;
  readonly read: number;
  readonly written: number;
  readonly skipped: number;
  readonly failed: number;
  readonly exited: number;
  readonly first_at: Date;
  readonly told_at: Date | null;
  readonly over: boolean;
  readonly segments: readonly string[];
}

const windowOf = (row: WindowRow): StreamWindow => {
  const { destination_id: destinationId, hour, tenant, sandbox, read, written, skipped, failed, exited } = row;
  const from = hour.toISOString();
  return {
    runId: streamRunId(destinationId, from),
    destinationId,
    tenant,
    sandbox,
    from,
    to: new Date(hour.getTime() + HOUR_MS).toISOString(),
    counts: { read, written, skipped, failed, exited },
    startedAt: row.first_at.toISOString(),
    segmentIds: row.segments,
    isOver: row.over,
    toldAt: row.told_at?.toISOString() ?? null,
  };
};
