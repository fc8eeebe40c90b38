import type { Database } from './database.js';
import { migrate, type Migration } from './migrate.js';

/** The right to be the one active runner of something, until it expires. `epoch` fences: it grows with every new holder. */
export interface Lease {
  readonly name: string;
  readonly owner: string;
  readonly epoch: number;
}

export const leaseMigrations: readonly Migration[] = [
  {
    name: '001-leases',
    sql: `create table leases (
            name text primary key, owner text not null, epoch bigint not null, expires_at timestamptz not null)`,
  },
];

/** Takes a free or expired lease, or renews one's own; undefined while somebody else holds it. Times are the server's. */
export const acquireLease = async (
  database: Database,
  name: string,
  owner: string,
  seconds: number,
): Promise<Lease | undefined> => {
  const { rows } = await database.pool.query<Lease>(
    `insert into leases as held (name, owner, epoch, expires_at)
     values ($1, $2, 1, now() + make_interval(secs => $3))
     on conflict (name) do update
       set owner = $2, expires_at = excluded.expires_at,
           epoch = case when held.owner = $2 then held.epoch else held.epoch + 1 end
       where held.owner = $2 or held.expires_at < now()
     returning name, owner, epoch`,
    [name, owner, seconds],
  );
  return rows[0];
};

/** A lease that is renewed until this is disposed of. */
export interface KeptLease extends Disposable {
  /** Aborts when somebody else has it, or nobody. */
  readonly lost: AbortSignal;
}

/** Renews it three times in its length; a renewal that fails leaves it to the next one, or to expire. */
export const keepLease = (database: Database, lease: Lease, seconds: number): KeptLease => {
  const lost = new AbortController();
  const renew = async (): Promise<void> => {
    if (!(await renewLease(database, lease, seconds))) lost.abort(new Error(`the lease "${lease.name}" was lost`));
  };
  const renewing = setInterval(() => void renew().catch(() => undefined), (seconds * 1_000) / 3);
  return { lost: lost.signal, [Symbol.dispose]: () => clearInterval(renewing) };
};

/** Of this very tenure, also when it is past its time and was not taken: one that was given up is not begun again. */
const renewLease = async (database: Database, { name, owner, epoch }: Lease, seconds: number): Promise<boolean> => {
  const { rowCount } = await database.pool.query(
    `update leases set expires_at = now() + make_interval(secs => $4) where name = $1 and owner = $2 and epoch = $3`,
    [name, owner, epoch, seconds],
  );
  return rowCount === 1;
};

/**
 * Gives it up, so that another need not wait for the expiry. It is nobody's then: a renewal that was under way and lands
 * later does not bring it back.
 */
export const releaseLease = async (database: Database, lease: Lease): Promise<void> => {
  await database.pool.query(
    `update leases set owner = '', expires_at = now() - interval '1 second' where name = $1 and owner = $2 and epoch = $3`,
    [lease.name, lease.owner, lease.epoch],
  );
};

/** To be called inside the transaction that the lease protects: false when somebody else has taken over. */
export const holdsLease = async (
  client: { query: (sql: string, values: unknown[]) => Promise<{ rowCount: number | null }> },
  lease: Lease,
): Promise<boolean> => {
  const { rowCount } = await client.query(
    'select 1 from leases where name = $1 and owner = $2 and epoch = $3 for share',
    [lease.name, lease.owner, lease.epoch],
  );
  return rowCount === 1;
};

/** For work that is done once: gives the lease up and forgets it. */
export const endLease = async (database: Database, lease: Lease): Promise<void> => {
  await database.pool.query('delete from leases where name = $1 and owner = $2 and epoch = $3', [
    lease.name,
    lease.owner,
    lease.epoch,
  ]);
};

/** For the only process of a deployment, before it starts its work: what an earlier one held when it was killed is free at once. */
export const freeLeases = async (database: Database): Promise<void> => {
  await migrate(database, 'leases', leaseMigrations);
  await database.pool.query(`update leases set expires_at = now() - interval '1 second'`);
};
