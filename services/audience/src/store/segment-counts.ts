import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';

export interface SegmentCounts {
  readonly segmentId: string;
  readonly members: number;
  readonly exited: number;
  /** Of the last load, report or erasure; RFC 3339, UTC. */
  readonly updatedAt: string;
}

/** Those of the segments that ever had a member. */
export const countsOf = async (
  database: Database,
  { tenant, sandbox }: Scope,
  segmentIds: readonly string[],
): Promise<ReadonlyMap<string, SegmentCounts>> => {
  const { rows } = await database.pool.query<{ segment_id: string; members: number; exited: number; updated_at: Date }>(
    `select segment_id, members, exited, updated_at from segment_counts
     where tenant = $1 and sandbox = $2 and segment_id = any ($3)`,
    [tenant, sandbox, segmentIds],
  );
  return new Map(
    rows.map(({ segment_id, members, exited, updated_at }) => [
      segment_id,
      { segmentId: segment_id, members, exited, updatedAt: updated_at.toISOString() },
    ]),
  );
};
