import type { Scope } from '@waybill/kernel';
import type pg from 'pg';

/** A load this large is known to the planner at once: an export may follow sooner than autovacuum comes by. */
const WORTH_IT = 10_000;

export const refreshStatistics = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  segmentId: string,
  rows: number,
): Promise<void> => {
  if (rows < WORTH_IT) return;
  const { rows: partitions } = await client.query<{ memberships: string | null; profiles: string | null }>(
    `select (select tableoid::regclass::text from memberships
             where tenant = $1 and sandbox = $2 and segment_id = $3 limit 1) as memberships,
            (select tableoid::regclass::text from profiles where tenant = $1 and sandbox = $2 limit 1) as profiles`,
    [tenant, sandbox, segmentId],
  );
  const { memberships, profiles } = partitions[0] ?? {};
  // Of the keys alone: values of people are not to be kept in statistics too, and are slow to look at.
  await client.query(`analyze (skip_locked) ${memberships} (tenant, sandbox, segment_id, profile_id, status, change)`);
  await client.query(`analyze (skip_locked) ${profiles} (tenant, sandbox, profile_id)`);
};
