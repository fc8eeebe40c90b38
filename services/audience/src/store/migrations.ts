import type { Migration } from '@waybill/postgres';

const PARTITIONS = 8;

/** Every row of a tenant's sandbox (memberships: of one segment) stands in one partition, so that it is read in key order from one index. */
const partitioned = (table: string, columns: string): string =>
  Array.from(
    { length: PARTITIONS },
    (_, remainder) =>
      `create table ${table}_${remainder} partition of ${table} for values with (modulus ${PARTITIONS}, remainder ${remainder});`,
  ).reduce((sql, partition) => `${sql}\n${partition}`, `create table ${table} (${columns};`);

/** Collation "C": rows come in the order of their bytes, which no upgrade of the system's locales moves. */
const id = 'text collate "C" not null';
const scope = `tenant ${id}, sandbox ${id}`;

export const audienceMigrations: readonly Migration[] = [
  {
    name: '001-profiles-and-memberships',
    sql: `
      create table changes (
        ${scope}, last bigint not null, at timestamptz not null,
        primary key (tenant, sandbox));

      ${partitioned(
        'profiles',
        `${scope}, profile_id ${id}, identities jsonb not null, attributes jsonb not null,
         identified_at timestamptz not null,
         primary key (tenant, sandbox, profile_id)) partition by hash (tenant, sandbox)`,
      )}

      ${partitioned(
        'memberships',
        `${scope}, segment_id ${id}, profile_id ${id}, status ${id} check (status in ('realized', 'exited')),
         since timestamptz not null, entered_at timestamptz, reported_at timestamptz not null, change bigint not null,
         moves int not null default 0,
         primary key (tenant, sandbox, segment_id, profile_id)) partition by hash (tenant, sandbox, segment_id)`,
      )}
      create index memberships_by_change on memberships (tenant, sandbox, segment_id, change);

      create table segment_counts (
        ${scope}, segment_id ${id}, members bigint not null, exited bigint not null, updated_at timestamptz not null,
        primary key (tenant, sandbox, segment_id));

      create table loads (
        load_id uuid primary key, ${scope}, segment_id ${id}, mode text not null, result jsonb not null,
        context jsonb not null, recorded boolean not null default false, loaded_at timestamptz not null);
      create index loads_to_record on loads (loaded_at) where not recorded;`,
  },
  {
    name: '002-changes-for-streams',
    sql: `
      create table followed_segments (
        destination_id uuid not null, segment_id ${id}, ${scope}, active boolean not null, activated_at timestamptz,
        since bigint not null, revision int not null,
        primary key (destination_id, segment_id));
      create index followed_segments_of_sandbox on followed_segments (tenant, sandbox) where active;

      create table profile_changes (
        ${scope}, change bigint not null, profile_id ${id}, at timestamptz not null, memberships jsonb not null,
        identities_changed boolean not null, attributes_written text[] not null, attributes_changed text[] not null,
        primary key (tenant, sandbox, change, profile_id));
      create index profile_changes_of_profile on profile_changes (tenant, sandbox, profile_id);
      create index profile_changes_by_time on profile_changes using brin (at) with (autosummarize = on);

      create table forgotten_changes (
        ${scope}, up_to bigint not null,
        primary key (tenant, sandbox));`,
  },
  {
    // The change first: otherwise it costs a planner without statistics no more than the primary key to look up one profile
    // by, and reads the whole segment each time.
    name: '003-memberships-by-change',
    sql: `
      drop index memberships_by_change;
      create index memberships_by_change on memberships (change, tenant, sandbox, segment_id);`,
  },
  {
    // Of profiles that are there already nobody knows it: the next report wins, as it would have.
    name: '004-when-profiles-were-described',
    sql: `alter table profiles add column described_at timestamptz not null default '-infinity';`,
  },
];
