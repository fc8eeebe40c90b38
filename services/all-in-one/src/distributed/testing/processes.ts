import pg from 'pg';
import { eventually } from '../../journeys/testing/eventually.js';
import type { Waybill } from '../../journeys/testing/waybill.js';

interface Readiness {
  readonly status: string;
  readonly dependencies: Readonly<Record<string, { readonly status: string; readonly reason?: string }>>;
}

/** One process of a service. */
export interface Replica {
  readonly address: string;
  readonly pid: number;
}

/** A service's processes, in the order in which they became ready; those that have ended, too. */
export const replicasOf = ({ output }: Waybill, service: string): readonly Replica[] =>
  [...output.matchAll(new RegExp(`^${service}: listens on (\\S+) \\(process (\\d+)\\)`, 'gm'))].map(
    ([, address = '', pid]) => ({ address, pid: Number(pid) }),
  );

export const pidsOf = (waybill: Waybill, service: string): readonly number[] =>
  replicasOf(waybill, service).map(({ pid }) => pid);

/** Ends the process of a service that runs now as a crash would; it is started again by what started it. */
export const killService = (waybill: Waybill, service: string): void =>
  void process.kill(pidsOf(waybill, service).at(-1)!, 'SIGKILL');

/** Every service answers, and can do its work. */
export const untilReady = (waybill: Waybill, withinMs = 60_000): Promise<unknown> =>
  eventually(
    async () => (await waybill.api().get<Readiness>('/health/ready')).body,
    ({ status }) => status === 'up',
    withinMs,
  );

interface HeldLease {
  readonly name: string;
  /** Another one with each run of a process. */
  readonly owner: string;
}

/** The leases of a service that run now. */
export const heldLeases = async ({ databaseUrl }: Waybill, service: string): Promise<readonly HeldLease[]> => {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const { rows } = await client.query<HeldLease>(`select name, owner from ${service}.leases where expires_at > now()`);
  await client.end();
  return rows;
};
