import type { Scope } from '@waybill/kernel';
import type pg from 'pg';
import type { Change } from './changes.js';

/**
 * The columns of a temporary table of what is to be merged: each pair of segment and profile once. `at` is null for "as of
 * now"; identities and attributes are null where nothing is said of the profile.
 */
export const INCOMING_COLUMNS = `
  segment_id text collate "C" not null, profile_id text collate "C" not null, status text collate "C" not null,
  at timestamptz, identities jsonb, attributes jsonb`;

export type Incoming = 'staged' | 'reported';

/** What a merge did to one segment. */
export interface Moves {
  /** Became realized, for the first time or again. */
  readonly entered: number;
  /** Were realized, and are no longer. */
  readonly exited: number;
}

/**
 * Adds what is incoming to the profiles: an attribute or an identity namespace that comes in replaces the one that was,
 * others stay. Written in the order of the key, so that rows lie on disk as exports read them.
 */
export const mergeProfiles = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  change: Change,
  incoming: Incoming,
): Promise<void> => {
  await client.query(
    `insert into profiles as known (tenant, sandbox, profile_id, identities, attributes, identified_at)
     select $1, $2, profile_id, identities, attributes, $3::timestamptz from ${incoming} where identities is not null
     order by profile_id
     on conflict (tenant, sandbox, profile_id) do update set
       identities = known.identities || excluded.identities,
       attributes = known.attributes || excluded.attributes,
       identified_at = case when known.identities || excluded.identities = known.identities
                            then known.identified_at else excluded.identified_at end
     where known.identities || excluded.identities <> known.identities
        or known.attributes || excluded.attributes <> known.attributes`,
    [tenant, sandbox, change.at],
  );
};

/** Merges the memberships of one segment; of two reports about a profile the one with the later time wins. */
export const mergeMemberships = async (
  client: pg.ClientBase,
  scope: Scope,
  segmentId: string,
  change: Change,
  incoming: Incoming,
): Promise<Moves> => {
  const parameters = [scope.tenant, scope.sandbox, segmentId, change.number, change.at];
  const moved = await countByStatus(
    client,
    `update memberships as known
     set status = incoming.status, since = incoming.at, reported_at = incoming.at, change = $4,
         entered_at = coalesce(known.entered_at, case incoming.status when 'realized' then incoming.at end)
     from (select profile_id, status, least(at, $5::timestamptz) as at from ${incoming} where segment_id = $3) incoming
     where known.tenant = $1 and known.sandbox = $2 and known.segment_id = $3
       and known.profile_id = incoming.profile_id and known.status <> incoming.status
       and known.reported_at < incoming.at
     returning known.status`,
    parameters,
  );
  const added = await countByStatus(
    client,
    `insert into memberships
       (tenant, sandbox, segment_id, profile_id, status, since, entered_at, reported_at, change)
     select $1, $2, $3, profile_id, status, at, case status when 'realized' then at end, at, $4
     from (select profile_id, status, least(at, $5::timestamptz) as at from ${incoming} where segment_id = $3) incoming
     order by profile_id
     on conflict do nothing
     returning status`,
    parameters,
  );
  await count(client, scope, segmentId, change, {
    members: moved.realized - moved.exited + added.realized,
    exited: moved.exited - moved.realized + added.exited,
  });
  return { entered: moved.realized + added.realized, exited: moved.exited };
};

/** Remembers the later time of a report that says what is known already, so that an older one that arrives after it loses. */
export const confirmMemberships = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  segmentId: string,
  change: Change,
  incoming: Incoming,
): Promise<void> => {
  await client.query(
    `update memberships as known set reported_at = incoming.at
     from (select profile_id, status, least(at, $4::timestamptz) as at from ${incoming} where segment_id = $3) incoming
     where known.tenant = $1 and known.sandbox = $2 and known.segment_id = $3
       and known.profile_id = incoming.profile_id and known.status = incoming.status
       and known.reported_at < incoming.at`,
    [tenant, sandbox, segmentId, change.at],
  );
};

/** Lets everybody exit who is not incoming; answers how many. */
export const exitOthers = async (
  client: pg.ClientBase,
  scope: Scope,
  segmentId: string,
  change: Change,
  incoming: Incoming,
): Promise<number> => {
  const { rowCount } = await client.query(
    `update memberships as known
     set status = 'exited', since = $5, reported_at = $5, change = $4
     where known.tenant = $1 and known.sandbox = $2 and known.segment_id = $3 and known.status = 'realized'
       and not exists (select 1 from ${incoming} incoming
                       where incoming.segment_id = $3 and incoming.profile_id = known.profile_id)`,
    [scope.tenant, scope.sandbox, segmentId, change.number, change.at],
  );
  const exited = rowCount ?? 0;
  await count(client, scope, segmentId, change, { members: -exited, exited });
  return exited;
};

const countByStatus = async (
  client: pg.ClientBase,
  statement: string,
  parameters: unknown[],
): Promise<Record<'realized' | 'exited', number>> => {
  const { rows } = await client.query<{ status: 'realized' | 'exited'; rows: number }>(
    `with written as (${statement}) select status, count(*) as rows from written group by status`,
    parameters,
  );
  return { realized: 0, exited: 0, ...Object.fromEntries(rows.map(({ status, rows }) => [status, rows])) };
};

/** Keeps the counts of a segment at hand, so that nobody has to count a million rows to show them. */
const count = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  segmentId: string,
  change: Change,
  by: { readonly members: number; readonly exited: number },
): Promise<void> => {
  await client.query(
    `insert into segment_counts as known (tenant, sandbox, segment_id, members, exited, updated_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (tenant, sandbox, segment_id) do update set
       members = known.members + excluded.members, exited = known.exited + excluded.exited,
       updated_at = excluded.updated_at`,
    [tenant, sandbox, segmentId, by.members, by.exited, change.at],
  );
};
