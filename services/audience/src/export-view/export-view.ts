import {
  AUDIENCE_CHANGES_VIEW,
  AUDIENCE_EXPORT_ROLE,
  AUDIENCE_EXPORT_SCHEMA,
  AUDIENCE_EXPORT_VIEW,
  AUDIENCE_MEMBERSHIPS_VIEW,
  AUDIENCE_STREAMS_VIEW,
} from '@waybill/contracts';
import type { Database, Migration } from '@waybill/postgres';
import type pg from 'pg';

/** After the tables they show. A new shape is a new view: exports under way hold this one. */
export const exportViewMigrations: readonly Migration[] = [
  {
    name: '001-v1',
    sql: `
      create schema if not exists ${AUDIENCE_EXPORT_SCHEMA};
      create view ${AUDIENCE_EXPORT_VIEW} as
        select tenant, sandbox, segment_id, profile_id, status, since, change, identities, attributes, identified_at
        from memberships join profiles using (tenant, sandbox, profile_id)`,
  },
  {
    name: '002-changes-v1',
    sql: `
      create view ${AUDIENCE_CHANGES_VIEW} as
        select tenant, sandbox, change, profile_id, at, memberships, identities_changed, attributes_written,
               attributes_changed, identities, attributes
        from profile_changes join profiles using (tenant, sandbox, profile_id);
      create view ${AUDIENCE_MEMBERSHIPS_VIEW} as
        select tenant, sandbox, segment_id, profile_id, status, since, change from memberships;
      create view ${AUDIENCE_STREAMS_VIEW} as
        select tenant, sandbox, destination_id, segment_id, activated_at, since, last as watermark,
               coalesce(up_to, 0) as forgotten
        from followed_segments join changes using (tenant, sandbox) left join forgotten_changes using (tenant, sandbox)
        where active`,
  },
  {
    // OFFSET 0 looks each profile up in its index, whatever the planner believes about the tables.
    name: '003-profiles-of-changes',
    sql: `
      create or replace view ${AUDIENCE_CHANGES_VIEW} as
        select tenant, sandbox, change, profile_id, at, memberships, identities_changed, attributes_written,
               attributes_changed, profile.identities, profile.attributes
        from profile_changes changed cross join lateral (
          select identities, attributes from profiles known
          where known.tenant = changed.tenant and known.sandbox = changed.sandbox
            and known.profile_id = changed.profile_id offset 0) profile`,
  },
];

const VIEWS = [AUDIENCE_EXPORT_VIEW, AUDIENCE_CHANGES_VIEW, AUDIENCE_MEMBERSHIPS_VIEW, AUDIENCE_STREAMS_VIEW].join(
  ', ',
);

/**
 * Makes the role that may read the views and nothing else, and lets our user take it. Answers what to warn of where that
 * user may not: delivery then reads with the rights of its own user.
 */
export const grantExport = async (database: Database): Promise<string | undefined> =>
  database.transaction(async (client) => {
    // Roles belong to the whole cluster, where others may be starting too; the lock is of this database only.
    await client.query(`select pg_advisory_xact_lock(hashtext('waybill export role'))`);
    const { rows } = await client.query<{ ours: boolean }>(
      `select pg_has_role(current_user, oid, 'member') as ours from pg_roles where rolname = $1`,
      [AUDIENCE_EXPORT_ROLE],
    );
    if (!rows[0] && !(await attempt(client, `create role ${AUDIENCE_EXPORT_ROLE} nologin`))) return WARNING;
    await client.query(`grant usage on schema ${AUDIENCE_EXPORT_SCHEMA} to ${AUDIENCE_EXPORT_ROLE}`);
    await client.query(`grant select on ${VIEWS} to ${AUDIENCE_EXPORT_ROLE}`);
    if (rows[0]?.ours || (await attempt(client, `grant ${AUDIENCE_EXPORT_ROLE} to current_user`))) return undefined;
    return WARNING;
  });

const WARNING = `Exports read the views of ${AUDIENCE_EXPORT_SCHEMA} with the full rights of the database user, which may not create or take the role ${AUDIENCE_EXPORT_ROLE}. Give the user CREATEROLE, or create the role and grant it to the user.`;

/** True when it is done, or was before. */
const attempt = async (client: pg.ClientBase, statement: string): Promise<boolean> => {
  await client.query('savepoint attempt');
  try {
    await client.query(statement);
    return true;
  } catch (error) {
    await client.query('rollback to savepoint attempt');
    const code = (error as pg.DatabaseError).code ?? '';
    if (code === INSUFFICIENT_PRIVILEGE) return false;
    if (DONE_BEFORE.includes(code)) return true;
    throw error;
  }
};

const INSUFFICIENT_PRIVILEGE = '42501';
/** duplicate_object, and unique_violation where two create it at once. */
const DONE_BEFORE = ['42710', '23505'];
