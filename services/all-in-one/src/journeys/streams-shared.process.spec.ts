import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf } from './testing/exports.js';
import {
  eventHubsPartner,
  firstArrivals,
  firstNameOf,
  kinesisPartner,
  report,
  setUpStream,
  type StreamEvent,
  type StreamPartner,
} from './testing/streams.js';
import { startWaybill, type Waybill } from './testing/waybill.js';
import { type Database, openDatabase } from '@waybill/postgres';
import { randomBytes } from 'node:crypto';

const PROFILES = Array.from({ length: 2_000 }, (_, n) => `p${n}`);

describe('two processes on one database', () => {
  let waybill: Waybill;
  let other: Waybill;
  let delivery: Database;
  let kinesis: KinesisServer;
  let hubs: EventHubsServer;
  let api: Api;

  beforeAll(async () => {
    const key = randomBytes(32).toString('base64');
    [waybill, kinesis, hubs] = await Promise.all([
      startWaybill({ WAYBILL_MASTER_KEY: key }),
      startKinesisServer({ streams: { all: 4, letters: 1 } }),
      startEventHubsServer({ hubs: { all: 4 } }),
    ]);
    other = await startWaybill({ WAYBILL_MASTER_KEY: key, DATABASE_URL: waybill.databaseUrl });
    delivery = await openDatabase({ url: waybill.databaseUrl, schema: 'delivery' });
    api = waybill.api();
  }, 180_000);
  afterAll(async () => {
    await delivery?.close();
    await other?.close();
    await waybill?.close();
    await Promise.all([kinesis?.stop(), hubs?.stop()]);
  }, 60_000);

  /** How many shares of the profiles each process holds. */
  const shares = async (): Promise<readonly number[]> => {
    const { rows } = await delivery.pool.query<{ shares: number }>(
      `select count(*)::int as shares from leases where name like 'stream share %' and expires_at > now() group by owner`,
    );
    return rows.map((row) => row.shares);
  };
  const bothHaveTheirPart = () => eventually(shares, (parts) => parts.join() === '8,8', 60_000);

  const arrived = (partner: StreamPartner, count: number) =>
    eventually(
      async () => firstArrivals(partner.received()),
      ({ length }) => length >= count,
      90_000,
    );

  const expectOrder = (events: readonly StreamEvent[]): void => {
    const last = new Map<string, number>();
    for (const { waybill: envelope } of events) {
      expect(envelope.sequence).toBeGreaterThan(last.get(envelope.profileId) ?? 0);
      last.set(envelope.profileId, envelope.sequence);
    }
  };

  it('share the profiles of all streams, and lose and reorder nothing when one is killed and another comes', async () => {
    bodyOf(await api.put('/v1/segments/all', { name: 'All' }));
    const partners = [kinesisPartner(kinesis, 'all'), eventHubsPartner(hubs, 'all')];
    for (const partner of partners) await setUpStream(api, partner, 'all');
    await bothHaveTheirPart();

    const tell = (firstName: string) =>
      report(
        api,
        'all',
        PROFILES.map((id) => ({ id, firstName })),
      );
    await tell('first');
    await arrived(partners[0]!, 100);
    await other.kill();
    await tell('second');
    for (const partner of partners) {
      const events = await arrived(partner, 2 * PROFILES.length);
      expect(events).toHaveLength(2 * PROFILES.length);
      expectOrder(events);
      const told = new Map(events.map((event) => [event.waybill.profileId, firstNameOf(event)]));
      expect([told.size, ...new Set(told.values())]).toEqual([PROFILES.length, 'second']);
    }
    await other.start();
    await bothHaveTheirPart();
  }, 240_000);

  it('deliver dead letters again, whoever is asked and whoever has the profile', async () => {
    bodyOf(await api.put('/v1/segments/letters', { name: 'Letters' }));
    const ids = Array.from({ length: 20 }, (_, n) => `keyless${n}`);
    const partner = kinesisPartner(kinesis, 'letters');
    const id = await setUpStream(api, partner, 'letters', { partitionKey: 'identities.crm' });
    const path = `/v1/destinations/${id}`;
    await report(
      api,
      'letters',
      ids.map((profile) => ({ id: profile, firstName: 'K' })),
    );
    const letters = async () => bodyOf(await api.get<{ items: object[] }>(`${path}/dead-letters`)).items.length;
    await eventually(letters, (count) => count === ids.length, 60_000);
    const asked = await api.post(`${path}/redeliveries`, { code: 'partition-key-missing' });
    const redelivery = await eventually(
      async () => bodyOf(await api.get<{ status: string; counts: object }>(asked.headers.get('location') ?? '')),
      ({ status }) => status === 'done',
      60_000,
    );
    expect(redelivery.counts).toEqual({ requested: 20, redelivered: 0, skipped: 0, failed: 20 });
    expect(await letters()).toBe(ids.length);
  }, 120_000);
});
