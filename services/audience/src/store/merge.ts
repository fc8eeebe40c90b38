import type { Scope } from '@waybill/kernel';
import type pg from 'pg';
import type { Change } from './changes.js';

/**
 * The columns of a temporary table of what is to be merged: each pair of segment and profile once. `at` and `described_at`
 * (of identities and attributes) are null for "as of now"; identities and attributes are null where nothing is said of the
 * profile.
 */
export const INCOMING_COLUMNS = `
  segment_id text collate "C" not null, profile_id text collate "C" not null, status text collate "C" not null,
  at timestamptz, identities jsonb, attributes jsonb, described_at timestamptz`;

export type Incoming = 'upload' | 'reported';

/** What a merge did to one segment. */
export interface Moves {
  /** Became realized, for the first time or again. */
  readonly entered: number;
  /** Were realized, and are no longer. */
  readonly exited: number;
}

/**
 * What becomes of identities or attributes: an attribute or an identity namespace that comes in replaces the one that was,
 * others stay. What is older than what is known of the profile only fills gaps.
 */
export const merged = (column: 'identities' | 'attributes', incoming: string): string =>
  `case when ${incoming}.described_at < known.described_at
        then ${incoming}.${column} || known.${column} else known.${column} || ${incoming}.${column} end`;

/**
 * Adds what is incoming to the profiles. What says nothing new is passed over, or with `confirm` its time is kept, so that
 * an older one which comes after it loses. ON CONFLICT looks each key up in its index, whatever the planner believes about
 * tables that grew a moment ago.
 */
export const mergeProfiles = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  change: Change,
  incoming: Incoming,
  { confirm }: { readonly confirm: boolean },
): Promise<void> => {
  const [identities, attributes] = [merged('identities', 'excluded'), merged('attributes', 'excluded')];
  await client.query(
    `insert into profiles as known
       (tenant, sandbox, profile_id, identities, attributes, identified_at, described_at)
     select $1, $2, profile_id, identities, attributes, $3::timestamptz, least(described_at, $3::timestamptz)
     from ${incoming} where identities is not null
     on conflict (tenant, sandbox, profile_id) do update set
       identities = ${identities},
       attributes = ${attributes},
       identified_at = case when ${identities} = known.identities
                            then known.identified_at else excluded.identified_at end,
       described_at = greatest(known.described_at, excluded.described_at)
     where ${identities} <> known.identities or ${attributes} <> known.attributes
        or ($4 and known.described_at < excluded.described_at)`,
    [tenant, sandbox, change.at, confirm],
  );
};

/**
 * Merges the memberships of one segment; of two reports about a profile the one with the later time wins. One that says
 * what is known already is passed over, or with `confirm` its time is kept, so that an older one which comes after it loses.
 */
export const mergeMemberships = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  segmentId: string,
  change: Change,
  incoming: Incoming,
  { confirm }: { readonly confirm: boolean },
): Promise<Moves> => {
  const { rows } = await client.query<{ status: 'realized' | 'exited'; known: boolean; rows: number }>(
    `with written as (
       insert into memberships as known
         (tenant, sandbox, segment_id, profile_id, status, since, entered_at, reported_at, change)
       select $1, $2, $3, profile_id, status, at, case status when 'realized' then at end, at, $4
       from (select profile_id, status, least(at, $5::timestamptz) as at from ${incoming} where segment_id = $3) incoming
       on conflict (tenant, sandbox, segment_id, profile_id) do update set
         status = excluded.status,
         since = case when known.status = excluded.status then known.since else excluded.since end,
         entered_at = coalesce(known.entered_at, excluded.entered_at),
         reported_at = excluded.reported_at,
         change = case when known.status = excluded.status then known.change else excluded.change end,
         moves = known.moves + case when known.status = excluded.status then 0 else 1 end
       where known.reported_at < excluded.reported_at and (known.status <> excluded.status or $6)
       returning status, moves > 0 as known, change)
     select status, known, count(*) as rows from written where change = $4 group by status, known`,
    [tenant, sandbox, segmentId, change.number, change.at, confirm],
  );
  const moved = (status: string, known: boolean): number =>
    rows.find((row) => row.status === status && row.known === known)?.rows ?? 0;
  const [firstEntered, entered, exited] = [moved('realized', false), moved('realized', true), moved('exited', true)];
  await count(client, { tenant, sandbox }, segmentId, change, {
    members: firstEntered + entered - exited,
    exited: moved('exited', false) + exited - entered,
  });
  return { entered: firstEntered + entered, exited };
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
     set status = 'exited', since = $5, reported_at = $5, change = $4, moves = moves + 1
     where known.tenant = $1 and known.sandbox = $2 and known.segment_id = $3 and known.status = 'realized'
       and not exists (select 1 from ${incoming} incoming
                       where incoming.segment_id = $3 and incoming.profile_id = known.profile_id)`,
    [scope.tenant, scope.sandbox, segmentId, change.number, change.at],
  );
  const exited = rowCount ?? 0;
  await count(client, scope, segmentId, change, { members: -exited, exited });
  return exited;
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
