import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import pg from 'pg';
import type { Change } from './changes.js';
import { type Incoming, merged } from './merge.js';

const { escapeLiteral } = pg;

/**
 * Runs a merge, and records for streams what it changes of which profile. Only of those who are, or just were, in a segment
 * that a stream has active: without such a segment a merge pays for one look at a small table.
 */
export const recordingChanges = async <T>(
  client: pg.ClientBase,
  scope: Scope,
  change: Change,
  incoming: Incoming,
  merge: () => Promise<T>,
): Promise<T> => {
  const followed = await followedSegments(client, scope);
  if (followed.length === 0) return merge();
  await noteWrites(client, scope, followed, incoming);
  const result = await merge();
  await recordChanges(client, scope, followed, change);
  return result;
};

/** To be asked after the change was drawn: whoever begins to follow a segment draws one too, so that each sees the other. */
const followedSegments = async (client: pg.ClientBase, { tenant, sandbox }: Scope): Promise<readonly string[]> => {
  const { rows } = await client.query<{ segment_id: string }>(
    'select distinct segment_id from followed_segments where tenant = $1 and sandbox = $2 and active',
    [tenant, sandbox],
  );
  return rows.map(({ segment_id }) => segment_id);
};

/**
 * Before the merge: what comes in for whom, and what of it is new. A value that is written again counts as written. The
 * table stays with the connection and is empty again after each transaction.
 */
const noteWrites = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  followed: readonly string[],
  incoming: Incoming,
): Promise<void> => {
  await client.query(`set local client_min_messages = warning`);
  await client.query(
    `create temporary table if not exists writes (
       profile_id text collate "C" not null, identities_changed boolean not null,
       written text[] not null, changed text[] not null) on commit delete rows`,
  );
  // OFFSET 0 looks each profile up in its index, whatever the planner believes about a temporary table.
  await client.query(
    `insert into writes
     select * from (
       select profile_id, coalesce(${merged('identities', 'incoming')} <> known.identities, true) as identities_changed,
         array(select jsonb_object_keys(incoming.attributes)) as written,
         array(select key from jsonb_each(coalesce(${merged('attributes', 'incoming')}, incoming.attributes))
               where known.attributes -> key is distinct from value)
       from ${incoming} incoming left join lateral (
         select identities, attributes, described_at from profiles
         where tenant = $1 and sandbox = $2 and profile_id = incoming.profile_id offset 0) known on true
       where incoming.identities is not null
         and (incoming.segment_id = any ($3) or ${isMember(followed, 'incoming.profile_id')})
     ) noted where identities_changed or written <> '{}'`,
    [tenant, sandbox, followed],
  );
};

/** Whether somebody is in a segment that is followed: a look for each into the index of its partition. */
const isMember = (followed: readonly string[], profileId: string): string => {
  const looks = followed.map(
    (segmentId) =>
      `select true from memberships where tenant = $1 and sandbox = $2 and segment_id = ${escapeLiteral(segmentId)}
         and profile_id = ${profileId} and status = 'realized'`,
  );
  return `(${looks.join(' union all ')} limit 1) is true`;
};

/**
 * After the merge: the memberships that it changed, and what was written of members. Who was never in a segment, and is
 * reported to have left it, changes nothing.
 */
const recordChanges = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  followed: readonly string[],
  change: Change,
): Promise<void> => {
  await client.query(
    `insert into profile_changes (tenant, sandbox, change, profile_id, at, memberships, identities_changed,
                                  attributes_written, attributes_changed)
     select $1, $2, $4, profile_id, $5, coalesce(memberships, '{}'), coalesce(identities_changed, false),
            coalesce(written, '{}'), coalesce(changed, '{}')
     from ((
       select profile_id, jsonb_object_agg(segment_id, jsonb_build_object('status', status, 'since',
                to_char(since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))) as memberships
       from memberships
       where tenant = $1 and sandbox = $2 and segment_id = any ($3) and change = $4
         and (status = 'realized' or moves > 0)
       group by profile_id
     ) moved full join writes using (profile_id)) recorded
     where memberships is not null or ${isMember(followed, 'recorded.profile_id')}`,
    [tenant, sandbox, followed, change.number, change.at],
  );
};

/** The most that one statement deletes. */
const BATCH = 20_000;

/**
 * Deletes the changes older than so many days, and says up to where in `forgotten_changes`, first, so that no reader takes
 * a gap for nothing. Answers how many.
 */
export const forgetChanges = async (database: Database, days: number, signal: AbortSignal): Promise<number> => {
  await database.pool.query(
    `insert into forgotten_changes as known (tenant, sandbox, up_to)
     select tenant, sandbox, max(change) from profile_changes where at < now() - make_interval(days => $1)
     group by tenant, sandbox
     on conflict (tenant, sandbox) do update set up_to = greatest(known.up_to, excluded.up_to)`,
    [days],
  );
  for (let forgotten = 0; ;) {
    if (signal.aborted) return forgotten;
    const { rowCount } = await database.pool.query(
      `delete from profile_changes where ctid = any (array(
         select profile_changes.ctid from profile_changes join forgotten_changes using (tenant, sandbox)
         where change <= up_to and at < now() - make_interval(days => $1) limit ${BATCH}))`,
      [days],
    );
    forgotten += rowCount ?? 0;
    if (rowCount === 0) return forgotten;
  }
};
