import { newId } from '@waybill/kernel';
import type { MessageBus, OutgoingMessage, ReceivedMessage } from '@waybill/messaging';
import type { Api } from './testing/api.js';
import { endOf, setUpDelivery } from './testing/exports.js';
import { eventually } from './testing/eventually.js';
import { type SftpPartner, startSftpPartner } from './testing/sftp-partner.js';
import type { SegmentView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const REPLIES = 'acme.billing.replies';

let waybill: Waybill;
let api: Api;
let partner: SftpPartner;
let bus: MessageBus;
const replies: ReceivedMessage[] = [];

/** An internal service of the tenant, on the same bus as Waybill's own. */
beforeAll(async () => {
  [waybill, partner] = await Promise.all([startWaybill(), startSftpPartner()]);
  api = waybill.api();
  bus = await waybill.openBus();
  await bus.ensureTopics([{ name: REPLIES, partitions: 1 }]);
  await bus.subscribe({ group: 'billing', topics: [REPLIES] }, async (reply) => void replies.push(reply));
});
afterAll(async () => {
  await bus.close();
  await Promise.all([waybill.close(), partner.stop()]);
});

const command = (service: string, name: string, data: object, more: Partial<OutgoingMessage> = {}): OutgoingMessage => {
  const id = newId();
  return {
    ...{ id, topic: `waybill.${service}.commands`, type: `waybill.${service}.${name}.v1`, data },
    ...{ source: 'https://billing.acme.example', subject: id, key: `default/prod/${id}` },
    ...{ time: new Date().toISOString(), tenant: 'default', sandbox: 'prod', actor: 'billing', correlationId: newId() },
    replyTo: REPLIES,
    ...more,
  };
};
const repliesTo = (id: string) => replies.filter(({ causationId }) => causationId === id);
const send = async (message: OutgoingMessage): Promise<ReceivedMessage> => {
  const before = repliesTo(message.id).length;
  await bus.publish([message]);
  const arrived = await eventually(
    async () => repliesTo(message.id),
    ({ length }) => length > before,
  );
  return arrived[before]!;
};

describe('an internal service that publishes commands', () => {
  it('defines a segment, maps, activates, exports, and is answered each time', async () => {
    const defined = await send(command('audience', 'DefineSegment', { segmentId: 'loyal', name: 'Loyal' }));
    expect(defined).toMatchObject({
      type: 'waybill.audience.DefineSegmentAnswer.v1',
      data: { segmentId: 'loyal', revision: 0 },
    });
    await api.send(
      'POST',
      '/v1/segments/loyal/members?mode=merge&identity=email',
      'email,city\njo@example.com,Bern\n',
      {
        'content-type': 'text/csv',
      },
    );
    const { id: destinationId } = await setUpDelivery(api, {
      ...{ name: 'Partner', type: 'sftp', authentication: partner.authentication(), target: { folder: 'incoming' } },
      ...{ files: {}, segmentId: 'loyal', identity: 'email', attributes: [] },
    });
    const fields = [{ source: 'identities.email', target: 'mail', key: true }];
    const mapped = await send(command('destination', 'ChangeMapping', { destinationId, fields }));
    expect(mapped.data).toEqual({ destinationId, revision: expect.any(Number) });
    const off = { destinationId, segmentId: 'loyal' };
    await send(command('destination', 'DeactivateSegment', off));
    const activated = await send(
      command('destination', 'ActivateSegment', {
        ...off,
        schedule: null,
        fileName: 'by-message-%DATETIME(YYYYMMdd_HHmmss)%',
      }),
    );
    expect(activated.data).toEqual({ destinationId, revision: expect.any(Number) });

    const { data } = await send(command('delivery', 'ExportNow', { destinationId }));
    const { runs } = data as { runs: readonly { runId: string; segmentId: string }[] };
    expect(runs).toEqual([{ runId: expect.any(String), segmentId: 'loyal' }]);
    const run = await endOf(api, runs[0]!.runId);
    expect(run).toMatchObject({
      status: 'completed',
      files: [{ rows: 1, path: expect.stringContaining('by-message-') }],
    });
  }, 60_000);

  it('changes things once, however often the message comes', async () => {
    const twice = command('audience', 'DefineSegment', { segmentId: 'new', name: 'New' });
    const [first, second] = [await send(twice), await send(twice)];
    expect(second.data).toEqual(first.data);
    expect((await api.get<SegmentView>('/v1/segments/new')).headers.get('etag')).toBe('"0"');
  });

  it('learns why a command was refused', async () => {
    const { type, data } = await send(command('delivery', 'ExportNow', { destinationId: newId() }));
    expect(type).toBe('waybill.delivery.RequestRefused.v1');
    expect(data).toMatchObject({ slug: 'destination-not-found', kind: 'not-found' });
    const malformed = await send(command('audience', 'DefineSegment', { segmentId: '' }));
    expect(malformed.data).toMatchObject({ slug: 'message-malformed', kind: 'malformed' });
  });

  it('reaches nothing of another tenant', async () => {
    const strange = command('audience', 'DefineSegment', { segmentId: 'loyal', name: 'Mine' }, { tenant: 'other' });
    expect((await send(strange)).data).toEqual({ segmentId: 'loyal', revision: 0 });
    expect((await api.get<SegmentView>('/v1/segments/loyal')).body.name).toBe('Loyal');
  });
});
