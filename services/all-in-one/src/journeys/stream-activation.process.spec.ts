import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { outcomeOf } from './testing/expectations.js';
import { bodyOf } from './testing/exports.js';
import {
  firstNameOf,
  kinesisPartner,
  report,
  setUpStream,
  type StreamEvent,
  type StreamPartner,
} from './testing/streams.js';
import type { AccountView, DestinationView, Page } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

describe('Activating a segment on a destination that delivers events', () => {
  let server: KinesisServer;
  let waybill: Waybill;
  let api: Api;
  let partner: StreamPartner;
  let id: string;

  beforeAll(async () => {
    [waybill, server] = await Promise.all([startWaybill(), startKinesisServer({ streams: { profiles: 1 } })]);
    api = waybill.api();
    partner = kinesisPartner(server, 'profiles');
    bodyOf(await api.put('/v1/segments/loyal', { name: 'Loyal customers' }));
    await report(api, 'loyal', [{ id: 'ada', firstName: 'Ada' }]);
    const target = { includeSegmentNames: true, includeSegmentTimestamps: true, partitionKey: 'identities.email' };
    id = await setUpStream(api, { ...partner, target: { ...partner.target, ...target } }, 'loyal');
  });
  afterAll(async () => {
    await waybill?.close();
    await server?.stop();
  });

  it('takes no schedule, no file name and no file options, and makes no files', async () => {
    const segment = `/v1/destinations/${id}/segments/loyal`;
    const schedule = { mode: 'full', frequency: 'daily', at: '06:00', timeZone: 'UTC', startDate: '2030-01-01' };
    const scheduled = await api.put(segment, { schedule });
    expect(outcomeOf(scheduled)).toBe('422 activation-is-live');
    expect(scheduled.problem.fields).toEqual([{ path: 'schedule', message: expect.any(String) as unknown }]);
    const named = await api.put(segment, { fileName: 'x_%TIMESTAMP%' });
    expect(outcomeOf(named)).toBe('422 activation-is-live');
    expect(named.problem.fields).toEqual([{ path: 'fileName', message: expect.any(String) as unknown }]);
    expect(outcomeOf(await api.put(segment, { schedule: null }))).toBe('200');
    expect(outcomeOf(await api.post(`/v1/destinations/${id}/runs`, {}))).toBe('422 destination-is-live');
    const { accountId } = bodyOf(await api.get<DestinationView>(`/v1/destinations/${id}`));
    const withFiles = { accountId, name: 'Files', target: partner.target, files: { format: 'csv' } };
    expect(outcomeOf(await api.post('/v1/destinations', withFiles))).toBe('422 files-not-applicable');
  });

  it('maps to paths, and refuses what is of files with a reason', async () => {
    const { body } = await api.get<{ mapping: { revision: number; fields: object[] } }>(`/v1/destinations/${id}`);
    expect(body.mapping).toMatchObject({
      revision: 1,
      fields: [{ source: 'attributes.firstName', target: 'person.name.firstName', required: false, key: false }],
    });
    const refused = await api.put(`/v1/destinations/${id}/mapping`, {
      fields: [
        { source: 'segment.status', target: 'status' },
        { source: 'attributes.x', target: 'waybill.x' },
        { source: 'attributes.x', target: 'x', key: true },
      ],
    });
    expect(outcomeOf(refused)).toBe('422 mapping-invalid');
    expect(refused.problem.fields?.map(({ path }) => path)).toEqual([
      'fields.0.source',
      'fields.1.target',
      'fields.2.key',
    ]);
  });

  it('shows the form of what events hold in the catalog, and refuses a key of no sense', async () => {
    const { body } = await api.get<{ target: { schema: { properties: object } } }>('/v1/catalog/amazon-kinesis');
    expect(Object.keys(body.target.schema.properties)).toEqual([
      'stream',
      'includeSegmentNames',
      'includeSegmentTimestamps',
      'onlyChanges',
      'partitionKey',
    ]);
    const accounts = bodyOf(await api.get<Page<AccountView>>('/v1/accounts')).items;
    const target = { ...partner.target, partitionKey: 'email' };
    const created = await api.post('/v1/destinations', { accountId: accounts[0]?.id, name: 'Key', target });
    expect(outcomeOf(created)).toBe('400 invalid-input');
    expect(created.problem.fields?.[0]?.path).toBe('target.partitionKey');
  });

  it('sends events that fit the schema it serves', async () => {
    const validate = new Ajv2020({ validateFormats: false }).compile(
      bodyOf(await api.get<object>('/v1/schemas/profile-event.json')),
    );
    const [event] = await eventually(
      async () => partner.received(),
      (events) => events.length >= 1,
    );
    expect(validate(event)).toBe(true);
    const told = {
      person: { name: { firstName: 'Ada' } },
      segmentMembership: {
        ups: {
          loyal: {
            status: 'realized',
            name: 'Loyal customers',
            createdAt: expect.any(Number) as unknown,
            updatedAt: expect.any(Number) as unknown,
            mappingCreatedAt: expect.any(Number) as unknown,
            mappingUpdatedAt: expect.any(Number) as unknown,
          },
        },
      },
      identityMap: { email: [{ id: 'ada@example.com' }] },
      waybill: { profileId: 'ada', destinationId: id, mappingRevision: 1, tenant: 'default', sandbox: 'prod' },
    };
    expect(event).toMatchObject(told);
  });

  it('previews the members of now, of a segment that is to be activated too', async () => {
    interface Preview {
      readonly segmentId: string;
      readonly members: number;
      readonly events: readonly { readonly key: string; readonly payload: StreamEvent }[];
    }
    const preview = (body: object) => api.post<Page<Preview>>(`/v1/destinations/${id}/previews`, body);
    const namesOf = ({ events }: Preview) => events.map(({ payload }) => firstNameOf(payload));
    await report(api, 'loyal', [{ id: 'bob', firstName: 'Bob' }]);
    const [loyal, ...none] = bodyOf(await preview({ rows: 5 })).items;
    expect(none).toEqual([]);
    expect(loyal).toMatchObject({ segmentId: 'loyal', mode: 'stream', members: 2, rejected: [], leftOut: {} });
    expect(namesOf(loyal!)).toEqual(['Ada', 'Bob']);
    expect(loyal!.events[0]?.key).toMatch(/^[0-9a-f]{64}$/);

    bodyOf(await api.put('/v1/segments/newcomers', { name: 'New here' }));
    await report(api, 'newcomers', [
      { id: 'bob', firstName: 'Bob' },
      { id: 'cyd', firstName: 'Cyd' },
    ]);
    const [newcomers] = bodyOf(await preview({ segmentIds: ['newcomers'] })).items;
    expect(namesOf(newcomers!)).toEqual(['Bob', 'Cyd']);
    expect(newcomers!.events[0]?.payload.segmentMembership.ups).toMatchObject({
      loyal: { status: 'realized', name: 'Loyal customers' },
      newcomers: { status: 'realized', name: 'New here', mappingCreatedAt: expect.any(Number) as unknown },
    });
    expect(outcomeOf(await preview({ segmentIds: ['nobody'] }))).toBe('404 segment-not-found');
    for (const none of ['', 'x'.repeat(300), 'a\u0000']) {
      expect(outcomeOf(await preview({ segmentIds: [none] }))).toBe('400 invalid-input');
    }
    expect(partner.received().map(firstNameOf)).not.toContain('Cyd');
  });
});
