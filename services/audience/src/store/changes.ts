import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';

/** One transaction's place in the order of all changes of a sandbox. */
export interface Change {
  readonly number: number;
  /** The server's clock in microseconds, as PostgreSQL writes it; always later than that of the change before. */
  readonly at: string;
}

/**
 * Draws the next change number of the sandbox. The counter's row stays locked until the transaction ends, so that numbers
 * become visible in their order, without a gap: a reader that has seen number n misses nothing up to n. Every transaction
 * that writes profiles or memberships draws first (no two of them can then deadlock), and keeps what follows short.
 */
export const drawChange = async (client: pg.ClientBase, { tenant, sandbox }: Scope): Promise<Change> => {
  const { rows } = await client.query<Change>(
    `insert into changes as drawn (tenant, sandbox, last, at) values ($1, $2, 1, clock_timestamp())
     on conflict (tenant, sandbox) do update
       set last = drawn.last + 1, at = greatest(clock_timestamp(), drawn.at + interval '1 microsecond')
     returning last as number, at::text as at`,
    [tenant, sandbox],
  );
  if (!rows[0]) throw new Error('The counter of changes answered nothing.');
  return rows[0];
};

/** The last change number, 0 before the first: everything up to it is committed. */
export const lastChange = async (database: Database, { tenant, sandbox }: Scope): Promise<number> => {
  const { rows } = await database.pool.query<{ last: number }>(
    'select last from changes where tenant = $1 and sandbox = $2',
    [tenant, sandbox],
  );
  return rows[0]?.last ?? 0;
};
