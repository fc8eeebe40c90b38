import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { KinesisError, type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './testing/api.js';
import { eventually } from './testing/eventually.js';
import { bodyOf } from './testing/exports.js';
import { untilHourHasAMinuteLeft } from './testing/hour.js';
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

const STREAMS = ['told', 'killed', 'paused', 'throttled', 'letters'];

interface StreamRunView {
  readonly id: string;
  readonly mode: string;
  readonly counts: {
    readonly read: number;
    readonly written: number;
    readonly skipped: number;
    readonly failed: number;
    readonly exited: number;
  };
  readonly stream?: { readonly state: string; readonly problem: { readonly slug: string } | null };
}

interface RedeliveryView {
  readonly id: string;
  readonly status: 'waiting' | 'running' | 'done';
  readonly filter: object;
  readonly counts: object;
}

interface DeadLetterView {
  readonly id: string;
  readonly profileId: string;
  readonly code: string;
  readonly runId: string;
}

let kinesis: KinesisServer;
let hubs: EventHubsServer;
let waybill: Waybill;
let api: Api;

beforeAll(async () => {
  kinesis = await startKinesisServer({ streams: Object.fromEntries(STREAMS.map((name) => [name, 2])) });
  hubs = await startEventHubsServer({ hubs: Object.fromEntries([...STREAMS, 'away'].map((name) => [name, 4])) });
  waybill = await startWaybill();
  api = waybill.api();
});
afterEach(() => {
  kinesis.reset();
  hubs.reset();
});
beforeEach(untilHourHasAMinuteLeft, 90_000);
afterAll(async () => {
  await waybill?.close();
  await Promise.all([kinesis?.stop(), hubs?.stop()]);
});

const partnersOf = (stream: string): readonly StreamPartner[] => [
  kinesisPartner(kinesis, stream),
  eventHubsPartner(hubs, stream),
];

const arrived = (partner: StreamPartner, isThere: (events: readonly StreamEvent[]) => boolean) =>
  eventually(async () => partner.received(), isThere, 30_000);

const newSegment = async (segmentId: string): Promise<void> => {
  bodyOf(await api.put(`/v1/segments/${segmentId}`, { name: segmentId }));
};

const runOf = async (destinationId: string): Promise<StreamRunView | undefined> =>
  bodyOf(await api.get<{ items: StreamRunView[] }>(`/v1/runs?destinationId=${destinationId}`)).items[0];

/** Without the name of the service, which the one address of separate services adds. */
const metrics = async (): Promise<string> => (await api.get('/metrics')).text.replaceAll('{service="delivery",', '{');

const expectOrder = (events: readonly StreamEvent[]): void => {
  const last = new Map<string, number>();
  for (const { waybill: envelope } of firstArrivals(events)) {
    expect(envelope.sequence).toBeGreaterThan(last.get(envelope.profileId) ?? 0);
    last.set(envelope.profileId, envelope.sequence);
  }
};

describe('A segment on a stream and on a hub', () => {
  it('tells its members when it is activated, and each change from then on, counted in the run of the hour', async () => {
    await newSegment('told');
    await report(api, 'told', [
      { id: 'ada', firstName: 'Ada' },
      { id: 'bob', firstName: 'Bob' },
    ]);
    for (const partner of partnersOf('told')) {
      const destinationId = await setUpStream(api, partner, 'told');
      const told = await arrived(partner, (events) => events.length >= 2);
      expect(told.map(firstNameOf).toSorted()).toEqual(['Ada', 'Bob']);

      await report(api, 'told', [{ id: 'ada', firstName: `Augusta ${partner.type}` }]);
      const change = (await arrived(partner, (events) => events.length >= 3))[2];
      expect(change).toMatchObject({
        person: { name: { firstName: `Augusta ${partner.type}` } },
        segmentMembership: { ups: { told: { status: 'realized' } } },
        identityMap: { email: [{ id: 'ada@example.com' }] },
        waybill: { profileId: 'ada', destinationId, replay: false },
      });
      await report(api, 'told', [{ id: 'bob', firstName: 'Bob', status: 'exited' }]);
      const last = (await arrived(partner, (events) => events.length >= 4)).at(-1);
      expect(last?.segmentMembership.ups['told']?.status).toBe('exited');
      await report(api, 'told', [{ id: 'bob', firstName: 'Bob' }]);
      await report(api, 'told', [{ id: 'ada', firstName: 'Ada' }]);

      const run = await eventually(
        () => runOf(destinationId),
        (found) => found?.counts.written === 6,
      );
      expect(run).toMatchObject({
        status: 'running',
        mode: 'stream',
        segmentId: null,
        segmentIds: ['told'],
        counts: { read: 6, written: 6, skipped: 0, failed: 0, exited: 1 },
        stream: { state: 'sending', problem: null },
      });
      expect(bodyOf(await api.get<StreamRunView>(`/v1/runs/${run?.id}`))).toMatchObject({ id: run?.id });
      bodyOf(await api.post(`/v1/destinations/${destinationId}/disable`));
    }
    const text = await metrics();
    for (const type of ['amazon-kinesis', 'azure-event-hubs']) {
      expect(text).toContain(`waybill_stream_records_total{type="${type}",outcome="sent"} 6`);
    }
    expect(text).toContain('waybill_stream_throttled_seconds_total');
  });

  it('loses nothing and turns nothing around when the process is killed in the middle; what comes twice has the same id', async () => {
    await newSegment('killed');
    const partners = partnersOf('killed');
    for (const partner of partners) await setUpStream(api, partner, 'killed');
    const profiles = Array.from({ length: 2_000 }, (_, n) => `k${n}`);
    for (const [time, firstName] of ['first', 'second'].entries()) {
      await report(
        api,
        'killed',
        profiles.map((id) => ({ id, firstName })),
      );
      await arrived(partners[time]!, (events) => events.length > time * 2_000 + 100);
      await waybill.kill();
      await waybill.start();
    }
    for (const partner of partners) {
      const events = await arrived(partner, (found) => firstArrivals(found).length >= 4_000);
      expect(firstArrivals(events)).toHaveLength(4_000);
      expectOrder(events);
      const last = new Map(firstArrivals(events).map((event) => [event.waybill.profileId, firstNameOf(event)]));
      expect(last.size).toBe(2_000);
      expect(new Set(last.values())).toEqual(new Set(['second']));
    }
  }, 300_000);

  it('waits while its destination is disabled, and tells what happened meanwhile when it is enabled', async () => {
    await newSegment('paused');
    const [partner] = partnersOf('paused');
    const id = await setUpStream(api, partner!, 'paused');
    await report(api, 'paused', [{ id: 'p1', firstName: 'One' }]);
    await arrived(partner!, (events) => events.length === 1);
    bodyOf(await api.post(`/v1/destinations/${id}/disable`));
    await eventually(
      metrics,
      (text) => !text.includes('waybill_stream_senders{type="amazon-kinesis",state="sending"} 2'),
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await report(api, 'paused', [{ id: 'p1', firstName: 'Two' }]);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(partner!.received()).toHaveLength(1);
    bodyOf(await api.post(`/v1/destinations/${id}/enable`));
    const events = await arrived(partner!, (found) => found.length === 2);
    expect(firstNameOf(events[1]!)).toBe('Two');
  });

  it('goes on at one partner while another throttles, which shows in the run and is made up for later', async () => {
    await newSegment('throttled');
    const [slow, fine] = partnersOf('throttled');
    const slowId = await setUpStream(api, slow!, 'throttled');
    await setUpStream(api, fine!, 'throttled');
    await report(api, 'throttled', [{ id: 't0', firstName: 'T' }]);
    for (const partner of [slow!, fine!]) await arrived(partner, (events) => events.length === 1);
    const error = new KinesisError('ProvisionedThroughputExceededException', 'Rate exceeded for shard.');
    kinesis.inject('PutRecords', { kind: 'answer', error }, 1_000);
    const members = Array.from({ length: 50 }, (_, n) => ({ id: `t${n}`, firstName: 'Again' }));
    await report(api, 'throttled', members);
    await arrived(fine!, (events) => events.length === 51);
    expect(slow!.received()).toHaveLength(1);
    await eventually(
      () => runOf(slowId),
      (run) => run?.stream?.state === 'throttled',
    );
    const text = await metrics();
    const paused = /^waybill_stream_throttled_seconds_total\{type="amazon-kinesis"\} (\S+)/m.exec(text)?.[1];
    expect(Number(paused)).toBeGreaterThan(0);
    kinesis.reset();
    await arrived(slow!, (events) => firstArrivals(events).length === 51);
    await eventually(
      () => runOf(slowId),
      (run) => run?.stream?.state === 'sending',
    );
  });

  it('tells nothing of a profile that is erased while the partner is away, and all else when it is back', async () => {
    await newSegment('away');
    const partner = eventHubsPartner(hubs, 'away');
    const id = await setUpStream(api, partner, 'away');
    await report(api, 'away', [{ id: 'first', firstName: 'F' }]);
    await arrived(partner, (events) => events.length === 1);
    hubs.inject('send', { kind: 'drop', kept: false }, Infinity);
    await report(api, 'away', [
      { id: 'erased', firstName: 'E' },
      { id: 'kept', firstName: 'K' },
    ]);
    await eventually(
      () => runOf(id),
      (run) => run?.stream?.state === 'unavailable',
    );
    bodyOf(await api.delete('/v1/profiles/erased'));
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    hubs.reset();
    await arrived(partner, (events) => events.length >= 2);
    await report(api, 'away', [{ id: 'erased', firstName: 'Back' }]);
    const events = await arrived(partner, (found) => found.length >= 3);
    expect(events.map(firstNameOf)).toEqual(['F', 'K', 'Back']);
  });

  it('keeps what cannot be sent with its reason, and delivers it anew when asked, marked as a replay', async () => {
    await newSegment('letters');
    const [partner] = partnersOf('letters');
    const id = await setUpStream(api, partner!, 'letters', { partitionKey: 'identities.crm' });
    await report(api, 'letters', [
      { id: 'keyless', firstName: 'Kay' },
      { id: 'keyed', firstName: 'Kim', identities: { crm: '4711' } },
    ]);
    await arrived(partner!, (events) => events.length === 1);
    const lettersOf = async (query = '') =>
      bodyOf(await api.get<{ items: DeadLetterView[] }>(`/v1/destinations/${id}/dead-letters${query}`)).items;
    const [letter] = await eventually(lettersOf, (found) => found.length === 1);
    expect(letter).toMatchObject({
      profileId: 'keyless',
      code: 'partition-key-missing',
      message: expect.any(String),
      attempts: 0,
      redeliveryId: null,
    });
    expect(JSON.stringify(letter)).not.toMatch(/Kay|example\.com/);
    expect(await lettersOf('?code=other')).toEqual([]);
    expect(await lettersOf('?profileId=keyless')).toHaveLength(1);
    expect(
      await eventually(
        () => runOf(id),
        (run) => run !== undefined,
      ),
    ).toMatchObject({
      id: letter?.runId,
      counts: { read: 2, written: 1, failed: 1 },
    });

    const redeliveries = `/v1/destinations/${id}/redeliveries`;
    const redeliver = (body: object) => api.post<{ id: string; deadLetters: number }>(redeliveries, body);
    expect((await redeliver({})).problem.type).toBe('/problems/redelivery-without-filter');
    const dry = await redeliver({ code: 'partition-key-missing', dryRun: true });
    expect(dry.status).toBe(200);
    expect(dry.body).toEqual({ dryRun: true, deadLetters: 1, profiles: 1, byCode: { 'partition-key-missing': 1 } });

    await report(api, 'letters', [{ id: 'keyless', firstName: 'Kay', identities: { crm: '4712' } }]);
    await arrived(partner!, (events) => events.length === 2);
    const asked = await redeliver({ runId: letter?.runId });
    expect(asked.status).toBe(202);
    expect(asked.body).toMatchObject({ deadLetters: 1, dryRun: false });
    expect(asked.headers.get('location')).toBe(`${redeliveries}/${asked.body.id}`);
    const events = await arrived(partner!, (found) => found.length === 3);
    expect(events[2]).toMatchObject({ waybill: { profileId: 'keyless', replay: true } });
    await eventually(lettersOf, (found) => found.length === 0);

    const readAgain = async () => bodyOf(await api.get<RedeliveryView>(asked.headers.get('location') ?? ''));
    const done = await eventually(readAgain, ({ status }) => status === 'done');
    expect(done).toEqual({
      id: asked.body.id,
      destinationId: id,
      status: 'done',
      filter: { runId: letter?.runId },
      deadLetters: 1,
      counts: { requested: 1, redelivered: 1, skipped: 0, failed: 0 },
      requestedAt: expect.any(String) as unknown,
      requestedBy: 'anonymous',
      finishedAt: expect.any(String) as unknown,
      revision: 1,
    });
    const { items } = bodyOf(await api.get<{ items: RedeliveryView[] }>(redeliveries));
    expect(items.map((one) => one.id)).toEqual([done.id]);
    expect((await api.get(`${redeliveries}/${id}`)).problem.type).toBe('/problems/redelivery-not-found');

    // It fails again, and is named in no event by its id.
    await report(api, 'letters', [{ id: 'hopeless', firstName: 'H' }]);
    await eventually(lettersOf, (found) => found.length === 1);
    const failing = (await redeliver({ profileId: 'hopeless' })).headers.get('location') ?? '';
    const failed = await eventually(
      async () => bodyOf(await api.get<RedeliveryView>(failing)),
      ({ status }) => status === 'done',
    );
    expect(failed.counts).toEqual({ requested: 1, redelivered: 0, skipped: 0, failed: 1 });
    expect(failed.filter).toEqual({ profileKey: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown });
    expect(await lettersOf()).toHaveLength(1);

    const discard = (query = '', key = 'none') =>
      api.send('DELETE', `/v1/destinations/${id}/dead-letters${query}`, undefined, { 'idempotency-key': key });
    expect(await discard('?code=other')).toMatchObject({ status: 200, body: { deadLetters: 0 } });
    const discarded = await discard('?profileId=hopeless', 'once');
    expect(discarded).toMatchObject({ status: 200, body: { deadLetters: 1 } });
    expect(await lettersOf()).toEqual([]);
    await report(api, 'letters', [{ id: 'hopeless', firstName: 'H' }]);
    await eventually(lettersOf, (found) => found.length === 1);
    expect((await discard('?profileId=hopeless', 'once')).body).toEqual({ deadLetters: 1 });
    expect(await lettersOf()).toHaveLength(1);
  });

  it('forgets dead letters of an erased profile, and names the streams that were told of it', async () => {
    const [partner] = partnersOf('letters');
    await newSegment('erased');
    const id = await setUpStream(api, partner!, 'erased', { partitionKey: 'identities.crm' });
    await report(api, 'erased', [
      { id: 'gone', firstName: 'G' },
      { id: 'stays', firstName: 'S', identities: { crm: '1' } },
    ]);
    const letters = async () =>
      bodyOf(await api.get<{ items: DeadLetterView[] }>(`/v1/destinations/${id}/dead-letters`)).items;
    await eventually(letters, (found) => found.length === 1);
    const run = await eventually(
      () => runOf(id),
      (found) => found?.counts.written === 1,
    );
    const erased = bodyOf(await api.delete<{ destinations: object[] }>('/v1/profiles/gone'));
    expect(await letters()).toEqual([]);
    expect(erased.destinations).toContainEqual({
      destinationId: id,
      name: 'To amazon-kinesis',
      segmentIds: ['erased'],
      lastRunId: run?.id,
      lastSentAt: expect.any(String),
    });
    expect((await api.get('/v1/destinations/b0a7d9c2-4f0e-4e51-a7f3-a9e55c1d2c77/dead-letters')).status).toBe(404);
  });
});
