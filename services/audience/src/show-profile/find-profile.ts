import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';

export interface Profile {
  readonly id: string;
  /** Lists of ids by namespace. */
  readonly identities: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly segments: readonly { readonly id: string; readonly status: 'realized' | 'exited'; readonly since: string }[];
}

/**
 * Memberships are keyed by segment, for exports; a profile's are found by looking into each segment of the sandbox, which
 * are few, rather than by an index that every load would have to write.
 */
export const findProfile = async (
  database: Database,
  { tenant, sandbox }: Scope,
  profileId: string,
): Promise<Profile | undefined> => {
  const { rows } = await database.pool.query<Profile>(
    `select profile_id as id, identities, attributes, (
       select coalesce(jsonb_agg(jsonb_build_object(
           'id', segment_id, 'status', status,
           'since', to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by segment_id), '[]')
       from segment_counts join memberships using (tenant, sandbox, segment_id)
       where tenant = $1 and sandbox = $2 and profile_id = $3) as segments
     from profiles where tenant = $1 and sandbox = $2 and profile_id = $3`,
    [tenant, sandbox, profileId],
  );
  return rows[0];
};
