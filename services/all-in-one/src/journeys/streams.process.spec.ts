import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf } from './testing/exports.js';
import { firstNameOf, kinesisPartner, report, setUpStream, type StreamPartner } from './testing/streams.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

describe('A segment on a stream', () => {
  let server: KinesisServer;
  let waybill: Waybill;
  let api: Api;
  let partner: StreamPartner;

  beforeAll(async () => {
    server = await startKinesisServer({ streams: { profiles: 2 } });
    waybill = await startWaybill();
    api = waybill.api();
    partner = kinesisPartner(server, 'profiles');
  }, 60_000);
  afterAll(async () => {
    await waybill?.close();
    await server?.stop();
  });

  it('tells its members when it is activated, and each change from then on, counted in the run of the hour', async () => {
    bodyOf(await api.put('/v1/segments/customers', { name: 'Customers' }));
    await report(api, 'customers', [
      { id: 'ada', firstName: 'Ada' },
      { id: 'bob', firstName: 'Bob' },
    ]);
    const destinationId = await setUpStream(api, partner, 'customers');
    const told = await eventually(
      async () => partner.received(),
      (events) => events.length >= 2,
    );
    expect(told.map(firstNameOf).toSorted()).toEqual(['Ada', 'Bob']);

    await report(api, 'customers', [{ id: 'ada', firstName: 'Augusta' }]);
    const [, , change] = await eventually(
      async () => partner.received(),
      (events) => events.length >= 3,
    );
    expect(change).toMatchObject({
      person: { name: { firstName: 'Augusta' } },
      segmentMembership: { ups: { customers: { status: 'realized' } } },
      identityMap: { email: [{ id: 'ada@example.com' }] },
      waybill: { profileId: 'ada', replay: false },
    });
    await report(api, 'customers', [{ id: 'bob', firstName: 'Bob', status: 'exited' }]);
    const last = (
      await eventually(
        async () => partner.received(),
        (events) => events.length >= 4,
      )
    ).at(-1);
    expect(last?.segmentMembership.ups['customers']?.status).toBe('exited');

    const [run] = await eventually(
      async () =>
        bodyOf(await api.get<{ items: Record<string, unknown>[] }>(`/v1/runs?destinationId=${destinationId}`)).items,
      ([first]) => (first?.['counts'] as { written: number } | undefined)?.written === 4,
    );
    expect(run).toMatchObject({
      status: 'running',
      mode: 'stream',
      segmentId: null,
      segmentIds: ['customers'],
      counts: { read: 4, written: 4, skipped: 0, failed: 0 },
      stream: { state: 'sending', problem: null },
    });
    expect(bodyOf(await api.get(`/v1/runs/${String(run?.['id'])}`))).toMatchObject({ id: run?.['id'], mode: 'stream' });
  });
});
