import { WaybillError } from '@waybill/kernel';
import pg from 'pg';

export interface DatabaseOptions {
  /** `postgres://…`, PostgreSQL 14 or newer. */
  readonly url: string;
  /** The service's own; created when missing, first in the search path. */
  readonly schema: string;
  readonly maxConnections?: number;
  readonly applicationName?: string;
}

/** One service's view of the database: a pool whose search path is the service's schema. */
export interface Database {
  readonly url: string;
  readonly schema: string;
  readonly pool: pg.Pool;
  /** Commits when `work` resolves, else rolls back and rejects with its error. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** int8 as a number: counts and change numbers of ours stay far below 2^53. Positions are read as text on purpose. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 && format !== 'binary'
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

const SCHEMA = /^[a-z][a-z0-9_]{0,40}$/;

export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const { url, schema } = options;
  if (!SCHEMA.test(schema)) throw new Error(`not a schema name: ${schema}`);
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? `waybill ${schema}`,
    options: `-c search_path=${schema}`,
    types,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // An idle connection that the server ends is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => undefined);
  const database: Database = {
    url,
    schema,
    pool,
    transaction: (work) => transaction(pool, work),
    close: () => pool.end(),
  };
  await database.transaction(async (client) => {
    // Two processes that create a schema at once would collide on the catalog.
    await client.query(`select pg_advisory_xact_lock(hashtext('waybill schema'))`);
    await client.query(`create schema if not exists ${schema}`);
  });
  return database;
};

const transaction = async <T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> => {
  const client = await connect(pool);
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch((failure: Error) => (broken = failure));
    throw error;
  } finally {
    client.release(broken);
  }
};

const connect = async (pool: pg.Pool): Promise<pg.PoolClient> => {
  try {
    return await pool.connect();
  } catch (cause) {
    throw databaseUnavailable(cause);
  }
};

export const databaseUnavailable = (cause: unknown): WaybillError =>
  new WaybillError('database-unavailable', 'unavailable', 'The database does not answer; try again shortly.', {
    retryAfterSeconds: 2,
    cause,
  });

/** SQLSTATE classes after which the same work may succeed: connection trouble, shutdown, serialisation, deadlock. */
const TRANSIENT = /^(08|57P|53|40001|40P01)/;

export const isTransient = (error: unknown): boolean => {
  const code = (error as { code?: unknown } | null)?.code;
  return (
    typeof code === 'string' &&
    (TRANSIENT.test(code) || ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT'].includes(code))
  );
};
