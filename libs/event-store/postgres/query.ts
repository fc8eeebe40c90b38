import type pg from 'pg';

interface Timed extends pg.QueryConfig {
  /** The driver's own timer: it also gives up where the server is silent. */
  readonly query_timeout: number;
}

export const queryWithin = async <Row extends object>(
  client: Pick<pg.ClientBase, 'query'> | pg.Pool,
  deadlineMs: number,
  query: pg.QueryConfig,
): Promise<Row[]> => {
  const timed: Timed = { ...query, query_timeout: deadlineMs };
  return (await (client as pg.Pool).query<Row>(timed)).rows;
};
