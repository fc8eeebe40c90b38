import { type Scope, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { drawChange } from '../store/changes.js';

export interface Erasure {
  /** The number of its change: a report that makes the profile known again has a later one. */
  readonly change: number;
  readonly memberships: readonly ErasedMembership[];
}

/** When an erased profile was in a segment, so that those who were sent the segment meanwhile can be named. */
export interface ErasedMembership {
  readonly segmentId: string;
  /** RFC 3339, UTC. */
  readonly from: string;
  /** Null while it was still in it. */
  readonly until: string | null;
}

/**
 * Removes a profile, its memberships and its changes that streams have not sent yet, for good. Throws `profile-not-found` (not-found). A report about it that comes
 * later makes it known again.
 */
export const eraseProfile = async (database: Database, scope: Scope, profileId: string): Promise<Erasure> =>
  database.transaction(async (client) => {
    const key = [scope.tenant, scope.sandbox, profileId];
    const change = await drawChange(client, scope);
    const { rowCount } = await client.query(
      'delete from profiles where tenant = $1 and sandbox = $2 and profile_id = $3',
      key,
    );
    await client.query('delete from profile_changes where tenant = $1 and sandbox = $2 and profile_id = $3', key);
    if (rowCount === 0) throw new WaybillError('profile-not-found', 'not-found', 'There is no profile with this id.');
    const { rows } = await client.query<{
      segment_id: string;
      status: 'realized' | 'exited';
      since: Date;
      entered_at: Date | null;
    }>(
      `delete from memberships where tenant = $1 and sandbox = $2 and profile_id = $3
         and segment_id = any (select segment_id from segment_counts where tenant = $1 and sandbox = $2)
       returning segment_id, status, since, entered_at`,
      key,
    );
    for (const { segment_id, status } of rows) {
      await client.query(
        `update segment_counts set updated_at = $5,
           members = members - case $4 when 'realized' then 1 else 0 end,
           exited = exited - case $4 when 'exited' then 1 else 0 end
         where tenant = $1 and sandbox = $2 and segment_id = $3`,
        [scope.tenant, scope.sandbox, segment_id, status, change.at],
      );
    }
    const memberships = rows.flatMap(({ segment_id, status, since, entered_at }) =>
      entered_at === null
        ? []
        : [
            {
              segmentId: segment_id,
              from: entered_at.toISOString(),
              until: status === 'exited' ? since.toISOString() : null,
            },
          ],
    );
    return { change: change.number, memberships };
  });
