import type { Database } from './database.js';

/** `name` is for ever: it records that the step was taken. Steps run in order, each in the same transaction. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings a component of a schema up to date, under a lock: any number of processes may start at once, and a second run
 * does nothing. Components (event store, inbox, projections …) of one schema keep separate lists.
 */
export const migrate = async (
  database: Database,
  component: string,
  migrations: readonly Migration[],
): Promise<void> => {
  await database.transaction(async (client) => {
    await client.query(`select pg_advisory_xact_lock(hashtext('waybill migrate'), hashtext($1))`, [database.schema]);
    await client.query(
      `create table if not exists migrations (
         component text not null, name text not null, applied_at timestamptz not null default now(),
         primary key (component, name))`,
    );
    const { rows } = await client.query<{ name: string }>('select name from migrations where component = $1', [
      component,
    ]);
    const applied = new Set(rows.map(({ name }) => name));
    for (const { name, sql } of migrations) {
      if (applied.has(name)) continue;
      await client.query(sql);
      await client.query('insert into migrations (component, name) values ($1, $2)', [component, name]);
    }
  });
};
