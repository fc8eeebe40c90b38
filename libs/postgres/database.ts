import { WaybillError } from '@waybill/kernel';
import pg from 'pg';

export interface DatabaseOptions {
  /** `postgres://…`, PostgreSQL 14 or newer. */
  readonly url: string;
  /** The service's own; created when missing, first in the search path. */
  readonly schema: string;
  readonly maxConnections?: number;
  readonly applicationName?: string;
  /** Of each query of the pool itself; default 60 s, which none of them comes near. */
  readonly deadlineMs?: number;
}

/** One service's view of the database: a pool whose search path is the service's schema. */
export interface Database {
  readonly url: string;
  readonly schema: string;
  /** What is asked of it directly is given up after a deadline; what is asked of its connections takes as long as it takes. */
  readonly pool: pg.Pool;
  /** Commits when `work` resolves, else rolls back and rejects with its error. */
  transaction<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** int8 as a number: counts and change numbers of ours stay far below 2^53. Positions are read as text on purpose. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (type, format) => {
    const isInt8 = (type as number) === (pg.types.builtins.INT8 as number) && format !== 'binary';
    return isInt8 ? Number : (pg.types.getTypeParser(type, format) as (value: string) => unknown);
  },
};

const DEADLINE_MS = 60_000;
const SCHEMA = /^[a-z][a-z0-9_]{0,40}$/;
const OLDEST_VERSION = 14;

/** Errors (WaybillError slugs): `database-unavailable` (unavailable), `database-too-old` (internal). */
export const openDatabase = async (options: DatabaseOptions): Promise<Database> => {
  const { url, schema } = options;
  if (!SCHEMA.test(schema)) throw new Error(`not a schema name: ${schema}`);
  const pool = new pg.Pool({
    connectionString: url,
    max: options.maxConnections ?? 10,
    application_name: options.applicationName ?? `waybill ${schema}`,
    // What is checked under a lock is read after the lock was had: that is so in read committed only.
    options: `-c search_path=${schema} -c default_transaction_isolation=read\\ committed`,
    types,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  });
  // A connection that the server ends is replaced by the pool, and fails the query in hand. Without these listeners it
  // would end the process as well: the one is for connections in the pool, the other for those in use.
  pool.on('error', () => undefined);
  // The same for one that is checked out and between two queries; its next query fails and tells.
  pool.on('connect', (client) => client.on('error', () => undefined));
  limitQueries(pool, options.deadlineMs ?? DEADLINE_MS);
  const database: Database = {
    url,
    schema,
    pool,
    transaction: (work) => transaction(pool, work),
    close: () => pool.end(),
  };
  try {
    await database.transaction((client) => prepareSchema(client, schema));
  } catch (error) {
    await pool.end();
    throw error;
  }
  return database;
};

/**
 * A server whose machine vanishes tells nobody, and a question that was under way would wait for as long as TCP tries: a
 * quarter of an hour. Long work (merges, copies, migrations) has a connection of its own, and no deadline.
 */
const limitQueries = (pool: pg.Pool, deadlineMs: number): void => {
  const query = pool.query.bind(pool) as (question: object, values?: readonly unknown[]) => Promise<pg.QueryResult>;
  // `query_timeout` of one query: known to pg, missing in its types.
  const limited = (question: string | pg.QueryConfig, values?: readonly unknown[]) =>
    query({ query_timeout: deadlineMs, ...(typeof question === 'string' ? { text: question } : question) }, values);
  pool.query = limited as typeof pool.query;
};

const prepareSchema = async (client: pg.PoolClient, schema: string): Promise<void> => {
  // Two processes that create a schema at once would collide on the catalog.
  await client.query(`select pg_advisory_xact_lock(hashtext('waybill schema'))`);
  const { rows } = await client.query<{ version: number; exists: boolean }>(
    `select current_setting('server_version_num')::int / 10000 as version, to_regnamespace($1) is not null as exists`,
    [schema],
  );
  const [server] = rows;
  if (server === undefined || server.version < OLDEST_VERSION) {
    throw new WaybillError(
      'database-too-old',
      'internal',
      `The database is PostgreSQL ${server?.version}; Waybill needs ${OLDEST_VERSION} or newer.`,
    );
  }
  // "if not exists" would ask for the right to create schemas even where an administrator has made this one.
  if (!server.exists) await client.query(`create schema ${schema}`);
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

/** SQLSTATEs after which the same work may succeed: connection trouble, shutdown, lack of resources, serialisation, deadlock. */
const TRANSIENT = /^(08|53|57P|40001|40P01)/;

/** The network's own codes. */
const NETWORK = [
  'ECONNRESET',
  'ECONNREFUSED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
];

/** How the driver words a lost or late connection; it gives these errors no code. */
const DRIVER =
  /^(Connection terminated|Client has encountered a connection error|Query read timeout|timeout exceeded when trying to connect)/;

/** Whether the database, and not the work, was the trouble. An answer of the server may be lost: what was asked may have happened. */
export const isTransient = (error: unknown): boolean => {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  if (typeof code === 'string') return TRANSIENT.test(code) || NETWORK.includes(code);
  return typeof message === 'string' && DRIVER.test(message);
};
