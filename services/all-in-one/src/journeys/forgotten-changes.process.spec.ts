import { type Database, openDatabase } from '@waybill/postgres';
import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import { eventually } from './testing/eventually.js';
import { bodyOf } from './testing/exports.js';
import { activate, firstNameOf, kinesisPartner, report, setUpStream } from './testing/streams.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

let waybill: Waybill;
let server: KinesisServer;
let audience: Database;

beforeAll(async () => {
  [waybill, server] = await Promise.all([
    startWaybill({ WAYBILL_CHANGES_KEPT_DAYS: '2' }),
    startKinesisServer({ streams: { changes: 1 } }),
  ]);
  audience = await openDatabase({ url: waybill.databaseUrl, schema: 'audience' });
});
afterAll(async () => {
  await audience?.close();
  await waybill?.close();
  await server?.stop();
});

interface RunView {
  readonly stream?: { readonly state: string; readonly problem: { readonly slug: string } | null };
}

/** As if so many days had passed since the last change. */
const pass = async (days: number): Promise<void> => {
  await audience.pool.query(`update profile_changes set at = at - make_interval(days => $1)`, [days]);
  await waybill.stop();
  await waybill.start(); // which looks for what is too old
};

it('a stream that was disabled for longer than changes are kept says so, and tells everybody anew when it is activated anew', async () => {
  const api = waybill.api();
  const partner = kinesisPartner(server, 'changes');
  const arrived = (count: number) =>
    eventually(
      async () => partner.received().map(firstNameOf),
      (names) => names.length === count,
      30_000,
    );
  const valueOf = async (metric: string) =>
    Number(
      // The one address of separate services says first whose it is.
      (await api.get('/metrics')).text.replaceAll('service="delivery",', '').split(`${metric} `)[1]?.split('\n')[0] ??
        0,
    );
  const metricOf = (enabled: boolean) =>
    valueOf(`waybill_stream_changes_forgotten{type="amazon-kinesis",enabled="${enabled}"}`);
  const lagChanges = () => valueOf('waybill_stream_lag_changes{type="amazon-kinesis"}');
  bodyOf(await api.put('/v1/segments/loyal', { name: 'Loyal' }));
  const id = await setUpStream(api, partner, 'loyal');
  await report(api, 'loyal', [{ id: 'ada', firstName: 'One' }]);
  await arrived(1);
  bodyOf(await api.post(`/v1/destinations/${id}/disable`));
  await report(api, 'loyal', [{ id: 'ada', firstName: 'Two' }]);

  await pass(1);
  expect(await metricOf(false)).toBe(0);
  await pass(2);
  await eventually(
    () => metricOf(false),
    (streams) => streams === 1,
  );

  bodyOf(await api.post(`/v1/destinations/${id}/enable`));
  await eventually(
    async () => bodyOf(await api.get<{ items: RunView[] }>(`/v1/runs?destinationId=${id}`)).items[0]?.stream,
    (stream) => stream?.state === 'refused' && stream.problem?.slug === 'changes-forgotten',
  );
  expect(await metricOf(true)).toBe(1);
  expect(await lagChanges()).toBe(1);
  await report(api, 'loyal', [{ id: 'ada', firstName: 'Three' }]);
  expect(partner.received()).toHaveLength(1);

  bodyOf(await api.delete(`/v1/destinations/${id}/segments/loyal`));
  await activate(api, id, 'loyal');
  expect(await arrived(2)).toEqual(['One', 'Three']);
  expect(await metricOf(true)).toBe(0);
  await eventually(lagChanges, (changes) => changes === 0);
}, 180_000);
