import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Api, createApi } from '../demo/api.js';
import { startWaybill } from '../demo/waybill.js';
import type { Told } from './arrivals.js';
import { openBenchServer } from './database.js';
import { type BenchPartner, type PartnerType, startBenchPartner } from './stream-partner.js';

const SEGMENT = 'vip';
const DEADLINE_MS = 120_000;

/** Waybill as its users start it, with a destination at a partner and a segment activated on it. */
export interface StreamScene {
  readonly partner: BenchPartner;
  /** Of Waybill. */
  readonly pid: number;
  /** Disabled, it records changes and tells nobody. */
  switch(to: 'enable' | 'disable'): Promise<void>;
  /** Sends changes of members in, as one load: one attribute of each is written. */
  change(profileIds: readonly string[]): Promise<void>;
  /** What the log of changes holds, and so what the partner is to be told. */
  changes(): Promise<readonly Told[]>;
  forgetChanges(): Promise<void>;
  stop(): Promise<void>;
}

export const openStreamScene = async (type: PartnerType): Promise<StreamScene> => {
  const server = await openBenchServer();
  const { url } = await server.database();
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-streams-'));
  const partner = await startBenchPartner(type);
  const waybill = await startWaybill(folder, { DATABASE_URL: url });
  const database = new pg.Pool({ connectionString: url });
  const api = createApi(waybill.address);
  const destination = await activate(api, partner);
  let loads = 0;
  return {
    partner,
    pid: waybill.pid,
    switch: async (to) => void (await api.post(`/v1/destinations/${destination}/${to}`)),
    async change(profileIds) {
      loads += 1;
      const lines = profileIds.map((id) =>
        JSON.stringify({
          id,
          identities: { email: `${id}@example.com` },
          attributes: { firstName: `First ${loads}`, lastName: `Last ${loads}` },
        }),
      );
      const body = new Blob([lines.join('\n')]).stream();
      await api.upload(`/v1/segments/${SEGMENT}/members?mode=merge&identity=id`, 'application/x-ndjson', body);
    },
    async changes() {
      const { rows } = await database.query<{ profileId: string; sequence: string }>(
        'select profile_id as "profileId", change as sequence from audience.profile_changes order by change, profile_id',
      );
      return rows.map(({ profileId, sequence }) => ({ profileId, sequence: Number(sequence) }));
    },
    forgetChanges: async () => void (await database.query('truncate audience.profile_changes')),
    async stop() {
      await waybill.stop();
      await partner.stop();
      await database.end();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const activate = async (api: Api, { type, method, authentication, target }: BenchPartner): Promise<string> => {
  await api.put(`/v1/segments/${SEGMENT}`, { name: 'VIP' });
  const account = { type, name: 'Bench', authentication: { method, ...authentication } };
  const { id: accountId } = await api.post<{ id: string }>('/v1/accounts', account);
  const { id } = await api.post<{ id: string }>('/v1/destinations', { accountId, name: 'Bench', target });
  const fields = ['firstName', 'lastName'].map((name) => ({
    source: `attributes.${name}`,
    target: `person.name.${name}`,
  }));
  await api.put(`/v1/destinations/${id}/mapping`, { fields });
  await api.put(`/v1/destinations/${id}/segments/${SEGMENT}`, {});
  return id;
};

/** Until a partner holds so many records. */
export const received = async (partner: BenchPartner, records: number): Promise<void> => {
  for (const deadline = Date.now() + DEADLINE_MS; (await partner.count()) < records; await sleep(50)) {
    if (Date.now() > deadline) {
      throw new Error(`The partner has ${await partner.count()} of ${records} records after ${DEADLINE_MS / 1_000} s.`);
    }
  }
};
