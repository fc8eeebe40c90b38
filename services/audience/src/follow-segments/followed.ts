import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { drawChange } from '../store/changes.js';

export interface FollowedSegment {
  readonly destinationId: string;
  readonly segmentId: string;
  readonly activatedAt: string;
  /** Of the destination: what it told earlier is ignored when it comes again. */
  readonly revision: number;
}

/**
 * Records changes for an activation from now on. The change that is drawn parts what the backfill reads from what is told
 * live: whoever merges waits for it, so that nothing falls between.
 */
export const followSegment = async (
  database: Database,
  scope: Scope,
  { destinationId, segmentId, activatedAt, revision }: FollowedSegment,
): Promise<void> => {
  await database.transaction(async (client) => {
    const change = await drawChange(client, scope);
    await client.query(
      `insert into followed_segments as known
         (destination_id, segment_id, tenant, sandbox, active, activated_at, since, revision)
       values ($1, $2, $3, $4, true, $5, $6, $7)
       on conflict (destination_id, segment_id) do update
         set active = true, activated_at = excluded.activated_at, since = excluded.since, revision = excluded.revision
         where known.revision < excluded.revision`,
      [destinationId, segmentId, scope.tenant, scope.sandbox, activatedAt, change.number, revision],
    );
  });
};

/** Of one segment, or of all that a destination had. */
export const unfollowSegments = async (
  database: Database,
  {
    destinationId,
    segmentId,
    revision,
  }: { readonly destinationId: string; readonly segmentId?: string; readonly revision: number },
): Promise<void> => {
  await database.pool.query(
    `update followed_segments set active = false, revision = $3
     where destination_id = $1 and segment_id = coalesce($2, segment_id) and revision < $3`,
    [destinationId, segmentId ?? null, revision],
  );
};
