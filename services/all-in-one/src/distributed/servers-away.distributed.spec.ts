import { setTimeout as sleep } from 'node:timers/promises';
import { type EventStoreDbServer, startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { describeWith } from '@waybill/testkit/availability';
import { findJars, type KafkaCluster, startKafka } from '@waybill/testkit/kafka';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { startTcpProxy, type TcpProxy } from '@waybill/testkit/tcp-proxy';
import { type Api, simpleApiOf } from '../journeys/testing/api.js';
import { endOf, exportNow } from '../journeys/testing/exports.js';
import { type Lane, loadRows, openLane, rowsOf } from '../journeys/testing/lane.js';
import { type SftpPartner, startSftpPartner } from '../journeys/testing/sftp-partner.js';
import { startWatchedSftp } from '../journeys/testing/watched-sftp.js';
import { startWaybill, type Waybill } from '../journeys/testing/waybill.js';
import { askAround } from './testing/clients.js';
import { connectPatiently, expectOnce } from './testing/connecting.js';
import { untilReady } from './testing/processes.js';

/** Longer than any deadline of ours and any session of a broker; WAYBILL_TEST_OUTAGE_SECONDS says otherwise. */
const AWAY_MS = Number(process.env['WAYBILL_TEST_OUTAGE_SECONDS'] ?? 30) * 1_000;
/** All is well again by then. */
const BACK_MS = 90_000;
/** Nobody waits longer for an answer: the deadline of a question to another service, and a little more. */
const PATIENCE_S = 20;
const rows = rowsOf(25, 6_000);

interface Outage {
  begin(): Promise<void> | void;
  end(): Promise<void> | void;
}

describeWith('a server that all services stand on', findJars(), (jars) => {
  let kafka: KafkaCluster;
  let eventStore: EventStoreDbServer;
  let database: TestDatabase;
  let postgres: TcpProxy;
  let waybill: Waybill;
  let api: Api;
  let partner: SftpPartner;
  let lane: Lane;

  beforeAll(async () => {
    [kafka, eventStore, database, partner] = await Promise.all([
      startKafka(jars()),
      startEventStoreDb(),
      testDatabase(),
      startSftpPartner(),
    ]);
    const direct = new URL(database.url);
    postgres = await startTcpProxy({ host: direct.hostname, port: Number(direct.port) });
    const throughProxy = Object.assign(new URL(direct), { port: String(postgres.port) });
    waybill = await startWaybill({
      DATABASE_URL: throughProxy.href,
      WAYBILL_KAFKA_BROKERS: kafka.brokers.join(','),
      WAYBILL_EVENTSTOREDB_URL: eventStore.url,
    });
    api = waybill.api();
    await loadRows(api, rows);
    lane = await openLane(api, await startWatchedSftp(), 'Partner', { rows, files: { maxRowsPerFile: 10 } });
  }, 180_000);
  afterAll(async () => {
    await waybill.close();
    await Promise.all([lane.partner.stop(), partner.stop(), postgres.stop(), eventStore.stop(), kafka.stop()]);
    await database.drop();
  }, 120_000);

  const outages: Readonly<Record<string, Outage>> = {
    Kafka: { begin: () => kafka.nodes[0]!.kill(), end: () => kafka.nodes[0]!.start() },
    EventStoreDB: { begin: () => eventStore.stop(), end: () => eventStore.start() },
    PostgreSQL: { begin: () => postgres.set('cut'), end: () => postgres.set('pass') },
  };

  it.each(Object.entries(outages))(
    '(%s) is away for a while: requests wait or are told to come again, and then all is as if nothing had been',
    async (name, outage) => {
      lane.begin();
      const before = connectPatiently(api, partner, `Before ${name}`, AWAY_MS + BACK_MS);
      const runId = await exportNow(api, lane.destinationId);
      await outage.begin();
      const beganAt = Date.now();
      const during = connectPatiently(api, partner, `Without ${name}`, AWAY_MS + BACK_MS);
      const client = simpleApiOf(() => waybill.address, {});
      const clients = askAround(client, { destinationId: lane.destinationId, runId }, AbortSignal.timeout(AWAY_MS));
      await sleep(1_000);
      const { status, body } = await api.get<{ dependencies: Record<string, { status: string }> }>('/health/ready');
      expect([status, Object.values(body.dependencies).some((dependency) => dependency.status === 'down')]).toEqual([
        503,
        true,
      ]);
      await sleep(Math.max(0, AWAY_MS - (Date.now() - beganAt)));
      const told = await clients;
      const { text: metrics } = await api.get('/metrics');
      expect([name, metrics.match(/^waybill_up\{.*/gm)?.filter((line) => !line.endsWith(' 1'))]).toEqual([name, []]);
      await outage.end();
      const refused = told.filter(({ status }) => status >= 400);
      expect(refused).not.toEqual([]);
      expect(refused.filter(({ status, again }) => status !== 503 || !(Number(again) > 0))).toEqual([]);
      expect(told.filter(({ seconds }) => seconds > PATIENCE_S)).toEqual([]);

      for (const connected of [await before, await during]) expect(connected.status).toBe('connected');
      await expectOnce(api, [`Before ${name}`, `Without ${name}`]);
      await endOf(api, runId, BACK_MS);
      await lane.expectExactlyOnce(runId);
      await untilReady(waybill, BACK_MS);
    },
    AWAY_MS + 4 * BACK_MS,
  );
});
