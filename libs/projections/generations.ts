import { WaybillError } from '@waybill/kernel';
import { type Database, holdsLease, type Lease, type Migration } from '@waybill/postgres';
import type pg from 'pg';
import type { Projection } from './projection.js';

/**
 * One building of a projection's tables, from the start of the log. At most one is live, which readers see, and at most
 * one more is being built beside it.
 */
export interface Generation {
  readonly projection: string;
  readonly generation: number;
  readonly version: number;
  readonly state: 'live' | 'building';
  readonly position: string;
}

export const generationMigrations: readonly Migration[] = [
  {
    name: '001-generations',
    sql: `
      create table projection_generations (
        projection text not null,
        generation int not null,
        version    int not null,
        state      text not null check (state in ('live', 'building')),
        position   text not null,
        primary key (projection, generation),
        unique (projection, state)
      )`,
  },
];

const COLUMNS = 'projection, generation, version, state, position';

export const versionOf = ({ version = 1 }: Projection): number => version;

/** Holds its tables: `account__accounts__3`. */
export const schemaOf = (
  database: Database,
  { projection, generation }: Pick<Generation, 'projection' | 'generation'>,
): string => `${prefixOf(database, projection)}${generation}`;

/** Who holds this lease keeps the generation up to date. */
export const leaseName = ({
  projection,
  generation,
}: {
  readonly projection: string;
  readonly generation: number | '';
}): string => `projection ${projection} ${generation}`;

const prefixOf = (database: Database, projection: string): string => `${database.schema}__${projection}__`;

export const listGenerations = async (database: Database): Promise<Generation[]> => {
  const { rows } = await database.pool.query<Generation>(`select ${COLUMNS} from projection_generations`);
  return rows;
};

/** One process at a time changes which generations of a projection there are. */
const lockProjection = (client: pg.PoolClient, database: Database, projection: string) =>
  client.query(`select pg_advisory_xact_lock(hashtext('waybill projections'), hashtext($1))`, [
    prefixOf(database, projection),
  ]);

const generationsOf = async (client: pg.PoolClient, projection: string): Promise<Generation[]> => {
  const { rows } = await client.query<Generation>(
    `select ${COLUMNS} from projection_generations where projection = $1 order by generation for update`,
    [projection],
  );
  return rows;
};

const create = async (
  client: pg.PoolClient,
  database: Database,
  projection: Projection,
  { generation, state, start }: { generation: number; state: Generation['state']; start: string },
): Promise<void> => {
  const created = { projection: projection.name, generation };
  const schema = schemaOf(database, created);
  await client.query(`create schema ${schema}; set local search_path = ${schema}, ${database.schema}`);
  await client.query(projection.tables);
  await client.query(`set local search_path = ${database.schema}`);
  await client.query(`insert into projection_generations (${COLUMNS}) values ($1, $2, $3, $4, $5)`, [
    projection.name,
    generation,
    versionOf(projection),
    state,
    start,
  ]);
  if (state === 'live') await show(client, database, created);
};

/** Readers see the tables of this generation from the commit on. */
const show = async (
  client: pg.PoolClient,
  database: Database,
  shown: Pick<Generation, 'projection' | 'generation'>,
): Promise<void> => {
  for (const table of await tablesOf(client, schemaOf(database, shown))) {
    await client.query(
      `create view ${database.schema}.${table} as select * from ${schemaOf(database, shown)}.${table}`,
    );
  }
};

const hide = async (client: pg.PoolClient, database: Database, hidden: Generation): Promise<void> => {
  for (const table of await tablesOf(client, schemaOf(database, hidden))) {
    await client.query(`drop view if exists ${database.schema}.${table}`);
  }
};

const tablesOf = async (client: pg.PoolClient, schema: string): Promise<string[]> => {
  const { rows } = await client.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class
     where relnamespace = $1::regnamespace and relkind in ('r', 'p') and not relispartition`,
    [schema],
  );
  return rows.map(({ name }) => name);
};

/** Sees to it that the projection's version is live, or is being built beside an older one that is. */
export const ensureGeneration = (database: Database, projection: Projection, start: string): Promise<void> =>
  database.transaction(async (client) => {
    await lockProjection(client, database, projection.name);
    const present = await generationsOf(client, projection.name);
    const version = versionOf(projection);
    if (present.some((generation) => generation.version >= version)) return;
    const outdated = present.find(({ state }) => state === 'building');
    if (outdated) await remove(client, outdated);
    await create(client, database, projection, {
      generation: nextAfter(present),
      state: present.some(({ state }) => state === 'live') ? 'building' : 'live',
      start,
    });
  });

const nextAfter = (present: readonly Generation[]): number => (present.at(-1)?.generation ?? 0) + 1;

const remove = (client: pg.PoolClient, { projection, generation }: Generation) =>
  client.query('delete from projection_generations where projection = $1 and generation = $2', [
    projection,
    generation,
  ]);

/** Begins another generation of a live projection. */
export const beginRebuild = (database: Database, projection: Projection, start: string): Promise<void> =>
  database.transaction(async (client) => {
    await lockProjection(client, database, projection.name);
    const present = await generationsOf(client, projection.name);
    if (present.some(({ state }) => state === 'building')) {
      throw new WaybillError(
        'projection-rebuilding',
        'conflict',
        `The read model ${projection.name} is being rebuilt already; wait for that to end.`,
      );
    }
    await create(client, database, projection, { generation: nextAfter(present), state: 'building', start });
  });

/**
 * Shows a built generation instead of the live one. False while it is behind what readers have seen, or when somebody
 * else builds it now.
 */
export const switchTo = (
  database: Database,
  built: Generation,
  lease: Lease,
  compare: (a: string, b: string) => number,
): Promise<boolean> =>
  unlessBusy(database, async (client) => {
    await lockProjection(client, database, built.projection);
    if (!(await holdsLease(client, lease))) return false;
    const present = await generationsOf(client, built.projection);
    const mine = present.find(({ generation }) => generation === built.generation);
    const live = present.find(({ state }) => state === 'live');
    if (!mine || (live && compare(mine.position, live.position) < 0)) return false;
    if (live) {
      await hide(client, database, live);
      await remove(client, live);
    }
    await client.query(`update projection_generations set state = 'live' where projection = $1 and generation = $2`, [
      mine.projection,
      mine.generation,
    ]);
    await show(client, database, mine);
    return true;
  });

/** Drops tables that no generation has any more. False while they are still being read. */
export const dropRetired = (database: Database, projection: string): Promise<boolean> => {
  const prefix = prefixOf(database, projection);
  return unlessBusy(database, async (client) => {
    await lockProjection(client, database, projection);
    const kept = await generationsOf(client, projection);
    const { rows } = await client.query<{ schema: string }>(
      `select nspname as schema from pg_namespace where starts_with(nspname, $1) and nspname <> all ($2)`,
      [prefix, kept.map((generation) => schemaOf(database, generation))],
    );
    for (const { schema } of rows) await client.query(`drop schema ${schema} cascade`);
    await client.query(`delete from leases where starts_with(name, $1) and name <> all ($2)`, [
      leaseName({ projection, generation: '' }),
      kept.map(leaseName),
    ]);
    return true;
  });
};

/**
 * False when a lock was not to be had in two seconds. Whoever reads a view or table holds it, and readers that come while
 * we wait for it wait behind us.
 */
const unlessBusy = async (database: Database, work: (client: pg.PoolClient) => Promise<boolean>): Promise<boolean> => {
  try {
    return await database.transaction(async (client) => {
      await client.query(`set local lock_timeout = '2s'`);
      return work(client);
    });
  } catch (error) {
    if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
};

const LOCK_NOT_AVAILABLE = '55P03';
