import {
  applyMemberships,
  audienceTables,
  eraseProfile,
  followSegment,
  forgetChanges,
  grantExport,
  loadMembers,
  type MembershipReport,
  unfollowSegments,
} from '@waybill/audience';
import { type AnswerOf, type DescribeDelivery, DescribeSegments } from '@waybill/contracts';
import { type EventsPage, type EventsQuestion, openStreamSource, shareOf, type StreamSource } from '@waybill/delivery';
import { type CommandContext, newId } from '@waybill/kernel';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';

type Delivery = AnswerOf<typeof DescribeDelivery>;
type Field = Delivery['mapping']['fields'][number];

interface Payload extends Record<string, unknown> {
  readonly segmentMembership: { readonly ups: Readonly<Record<string, { readonly status: string }>> };
}

const ALL = { of: 1, shares: [0] };
const ACTIVATED = '2026-11-22T08:00:00.000Z';

const field = (source: string, target: string, more: Partial<Field> = {}): Field => ({
  source,
  target,
  required: false,
  key: false,
  ...more,
});

describe('The source of a stream, on what audience records', () => {
  let server: TestDatabase;
  let audience: Database;
  let delivery: Database;
  let sandboxes = 0;
  let context: CommandContext;
  /** What the destination service answers about the destinations of a test. */
  let destinations: Map<string, Delivery>;
  let source: StreamSource;
  let minute: number;

  beforeAll(async () => {
    server = await testDatabase();
    audience = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(audience, 'audience', audienceTables);
    await grantExport(audience);
    delivery = await openDatabase({ url: server.url, schema: 'delivery' });
  });
  beforeEach(() => {
    context = {
      tenant: 'acme',
      sandbox: `sandbox ${(sandboxes += 1)}`,
      commandId: newId(),
      actor: 'somebody',
      at: ACTIVATED,
      correlationId: newId(),
    };
    destinations = new Map();
    minute = 0;
    const ask = (question: { readonly type: string }, data: object) =>
      Promise.resolve(
        question.type === DescribeSegments.type
          ? {
              segments: (data as { segmentIds: string[] }).segmentIds.map((segmentId) => ({
                segmentId,
                exists: true,
                name: `Segment ${segmentId}`,
                members: 1,
                createdAt: '2026-01-01T00:00:00.000Z',
                updatedAt: '2026-02-01T00:00:00.000Z',
              })),
            }
          : destinations.get((data as { destinationId: string }).destinationId),
      );
    source = openStreamSource(delivery, { ask: ask as never });
  });
  afterAll(async () => {
    await delivery.close();
    await audience.close();
    await server.drop();
  });

  const destination = (fields: readonly Field[] = [], target: Record<string, unknown> = {}): string => {
    const destinationId = newId();
    destinations.set(destinationId, {
      destinationId,
      revision: 1,
      status: 'enabled',
      name: 'Stream',
      type: 'amazon-kinesis',
      accountId: newId(),
      target: { stream: 'events', ...target },
      findings: {},
      files: null,
      mapping: { revision: 3, fields, changedAt: '2026-11-22T09:00:00.000Z' },
      marketingActions: [],
      activations: [],
    });
    return destinationId;
  };
  let revisions = 1;
  /** As the destination service does it, and then audience when it hears of it. */
  const decideActivation = (destinationId: string, segmentId: string): (() => Promise<void>) => {
    const known = destinations.get(destinationId)!;
    const revision = (revisions += 1);
    const activatedAt = new Date(Date.parse(ACTIVATED) + revision * 1000).toISOString();
    const activation = { segmentId, schedule: null, fileName: '', activatedAt };
    const others = known.activations.filter((other) => other.segmentId !== segmentId);
    destinations.set(destinationId, { ...known, activations: [...others, activation] });
    return () => followSegment(audience, context, { destinationId, segmentId, activatedAt, revision });
  };
  const activate = (destinationId: string, segmentId: string) => decideActivation(destinationId, segmentId)();
  const deactivate = (destinationId: string, segmentId: string) => {
    const known = destinations.get(destinationId)!;
    const activations = known.activations.filter((other) => other.segmentId !== segmentId);
    destinations.set(destinationId, { ...known, activations });
    return unfollowSegments(audience, { destinationId, segmentId, revision: (revisions += 1) });
  };
  const report = (
    profileId: string,
    segmentId: string,
    status: MembershipReport['status'],
    more: Partial<MembershipReport> = {},
  ) => {
    const at = new Date(Date.UTC(2026, 0, 1, 0, (minute += 1))).toISOString();
    return applyMemberships(audience, context, [{ profileId, segmentId, status, at, ...more }]);
  };
  const question = (destinationId: string, more: Partial<EventsQuestion> = {}): EventsQuestion => ({
    destinationId,
    context,
    share: ALL,
    max: 1000,
    signal: new AbortController().signal,
    ...more,
  });
  const payloads = ({ events }: Pick<EventsPage, 'events'>): Payload[] =>
    events.flatMap((event) => ('data' in event ? [JSON.parse(Buffer.from(event.data).toString()) as Payload] : []));
  const live = (destinationId: string, after: string | null = null, more: Partial<EventsQuestion> = {}) =>
    source.live(question(destinationId, more), after);
  const statusesOf = (page: EventsPage, segmentId: string) =>
    payloads(page).map((payload) => payload.segmentMembership.ups[segmentId]?.status);

  it('tells each change of status, with the statuses and times of then', async () => {
    const id = destination();
    await activate(id, 's');
    await report('p', 's', 'realized', { identities: { email: 'a@x', crm: ['1', '2'] } });
    await report('p', 's', 'exited');
    await report('p', 's', 'realized');
    const page = await live(id);
    expect(payloads(page).map(({ segmentMembership }) => segmentMembership)).toEqual([
      { ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:01:00.000Z' } } },
      { ups: { s: { status: 'exited', lastQualificationTime: '2026-01-01T00:02:00.000Z' } } },
      { ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:03:00.000Z' } } },
    ]);
    expect(payloads(page)[2]).toMatchObject({
      identityMap: { email: [{ id: 'a@x' }], crm: [{ id: '1' }, { id: '2' }] },
      waybill: { profileId: 'p', tenant: 'acme', sandbox: context.sandbox, destinationId: id, mappingRevision: 3 },
    });
    expect(page.events.map(({ change }) => change)).toEqual([2, 3, 4]);
    expect(page).toMatchObject({ reached: '4', more: false, leftOut: {} });
    expect(await live(id, page.reached)).toEqual({ events: [], reached: '4', more: false, leftOut: {} });
  });

  it('tells an attribute that is mapped when it is written, with the same value too, and an identity when it changes', async () => {
    const id = destination([field('attributes.name', 'person.name.firstName'), field('attributes.a.b', 'deep')]);
    await activate(id, 's');
    await report('p', 's', 'realized', {
      attributes: { name: 'Anna', other: 1, a: { b: 12345678901234567890n.toString() } },
    });
    const { reached } = await live(id);
    const same: Partial<MembershipReport> = { attributes: { name: 'Anna' } };
    await report('p', 's', 'existing', same);
    await report('p', 's', 'existing', { attributes: { other: 2 } });
    await report('p', 's', 'existing', { attributes: { a: { c: 1 } } });
    await report('p', 's', 'existing', { identities: { email: 'a@x' } });
    await report('p', 's', 'existing', { identities: { email: 'a@x' } });
    const page = await live(id, reached);
    expect(page.events.map(({ change }) => change)).toEqual([3, 5, 6]);
    expect(page.leftOut).toEqual({ 'not-mapped': 1 });
    expect(payloads(page)[0]).toMatchObject({ person: { name: { firstName: 'Anna' } } });
  });

  it('leaves out what is written with the same value where only changes count', async () => {
    const id = destination([field('attributes.name', 'name')], { onlyChanges: true });
    await activate(id, 's');
    await report('p', 's', 'realized', { attributes: { name: 'Anna' } });
    await report('p', 's', 'existing', { attributes: { name: 'Anna' } });
    await report('p', 's', 'existing', { attributes: { name: 'Anne' } });
    const page = await live(id);
    expect(page.events.map(({ change }) => change)).toEqual([2, 4]);
    expect(page.leftOut).toEqual({ unchanged: 1 });
  });

  it('tells nothing of segments that are not active, and of no one who is in none that is', async () => {
    const [one, other] = [destination([field('attributes.name', 'name')]), destination()];
    await activate(one, 's');
    await activate(other, 't');
    await report('p', 't', 'realized', { attributes: { name: 'A' } });
    await report('q', 'u', 'realized', { attributes: { name: 'A' } });
    await report('r', 's', 'exited');
    expect((await live(one)).events).toEqual([]);
    expect(statusesOf(await live(other), 't')).toEqual(['realized']);
    const { rows } = await audience.pool.query<{ profile_id: string }>(
      'select profile_id from profile_changes where sandbox = $1',
      [context.sandbox],
    );
    expect(rows).toEqual([{ profile_id: 'p' }]);
  });

  it('adds the other segments of the destination as they were at the change', async () => {
    const id = destination([], { includeSegmentNames: true, includeSegmentTimestamps: true });
    await activate(id, 's');
    await activate(id, 't');
    await report('p', 's', 'realized');
    await report('p', 't', 'realized');
    await report('p', 's', 'exited');
    const page = await live(id);
    const ups = payloads(page).map(({ segmentMembership }) => segmentMembership.ups);
    expect(ups.map((each) => Object.keys(each).sort())).toEqual([['s'], ['t'], ['s', 't']]);
    const { activatedAt } = destinations.get(id)!.activations[0]!;
    expect(ups[2]?.['s']).toEqual({
      status: 'exited',
      lastQualificationTime: '2026-01-01T00:03:00.000Z',
      name: 'Segment s',
      createdAt: Date.parse('2026-01-01T00:00:00.000Z'),
      updatedAt: Date.parse('2026-02-01T00:00:00.000Z'),
      mappingCreatedAt: Date.parse(activatedAt),
      mappingUpdatedAt: Date.parse('2026-11-22T09:00:00.000Z'),
    });
  });

  it('reads those who were there before the activation, and tells live who moved since', async () => {
    const id = destination([field('attributes.name', 'name')]);
    for (const profile of ['a', 'b', 'c', 'd'])
      await report(profile, 's', 'realized', { attributes: { name: profile } });
    await report('gone', 's', 'realized');
    await report('gone', 's', 'exited');
    await activate(id, 's');
    await report('b', 's', 'exited');
    await report('b', 's', 'realized');
    await report('e', 's', 'realized');
    await report('a', 's', 'existing', { attributes: { name: 'A' } });
    const waiting = await source.backfill(question(id), 's', null, null);
    expect(waiting).toEqual({ events: [], reached: '', more: true, leftOut: {} });
    const told = await live(id);
    expect(told.events.map(({ profileId }) => profileId)).toEqual(['b', 'b', 'e', 'a']);
    const first = await source.backfill(question(id, { max: 2 }), 's', null, told.reached);
    expect(first.events.map(({ profileId }) => profileId)).toEqual(['a', 'c']);
    expect(first).toMatchObject({ reached: 'c', more: true });
    expect(payloads(first)[0]).toMatchObject({ name: 'A', waybill: { sequence: Number(told.reached) } });
    expect(payloads(first)[0]?.segmentMembership).toEqual({
      ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:01:00.000Z' } },
    });
    const second = await source.backfill(question(id, { max: 2 }), 's', first.reached, told.reached);
    expect(second.events.map(({ profileId }) => profileId)).toEqual(['d']);
    expect(second.more).toBe(false);
    const again = await source.backfill(question(id), 's', null, told.reached);
    expect(again.events.map(({ eventId }) => eventId)).toEqual(
      [...first.events, ...second.events].map(({ eventId }) => eventId),
    );
  });

  it('waits with the backfill until audience has heard of the activation, and finds nothing when it is switched off', async () => {
    const id = destination();
    await activate(id, 'other');
    const hear = decideActivation(id, 's');
    await report('p', 's', 'realized');
    await expect(source.backfill(question(id), 's', null)).rejects.toMatchObject({ slug: 'activation-unheard' });
    await hear();
    expect((await source.backfill(question(id), 's', null)).events).toHaveLength(1);
    await deactivate(id, 's');
    expect(await source.backfill(question(id), 's', null)).toMatchObject({ events: [], more: false });
  });

  it('never passes over the first changes after an activation, though settings are asked for once a second only', async () => {
    const id = destination();
    await activate(id, 's');
    await report('p', 's', 'realized');
    let { reached } = await live(id);
    await activate(id, 't');
    await report('p', 't', 'realized');
    const page = await live(id, reached);
    expect(statusesOf(page, 't')).toEqual(['realized']);
    reached = page.reached;
    await deactivate(id, 't');
    await report('p', 't', 'exited');
    await activate(id, 't');
    await report('q', 't', 'realized');
    expect((await live(id, reached)).events.map(({ profileId }) => profileId)).toEqual(['q']);
  });

  it('reads a load of one change in pages, and who leaves by being replaced', async () => {
    const id = destination();
    await activate(id, 's');
    const load = (ids: readonly string[], mode: 'merge' | 'replace') =>
      loadMembers(
        audience,
        { context: { ...context, commandId: newId() }, segmentId: 's', mode, format: { type: 'csv', identity: 'id' } },
        (async function* () {
          yield await Promise.resolve(Buffer.from(['id', ...ids].join('\n')));
        })(),
      );
    const ids = Array.from({ length: 25 }, (_, n) => `p${String(n).padStart(2, '0')}`);
    await load(ids, 'merge');
    await load(ids.slice(0, 20), 'replace');
    const seen: [string, string | undefined][] = [];
    let after: string | null = null;
    for (let more = true; more;) {
      const page: EventsPage = await live(id, after, { max: 7 });
      seen.push(
        ...page.events.map(({ profileId }, n): [string, string | undefined] => [profileId, statusesOf(page, 's')[n]]),
      );
      ({ reached: after, more } = page);
    }
    expect(seen).toEqual([...ids.map((one) => [one, 'realized']), ...ids.slice(20).map((one) => [one, 'exited'])]);
  });

  it('skips nothing and keeps the order under 12 writers at once, in every share', async () => {
    const id = destination();
    await activate(id, 's');
    let done = false;
    const seen = new Map<string, number[]>();
    const reading = [0, 1, 2].map(async (share) => {
      for (let after: string | null = null; ;) {
        const last = done;
        const page: EventsPage = await live(id, after, { share: { of: 3, shares: [share] }, max: 5 });
        for (const { profileId, change } of page.events) {
          expect(shareOf(profileId, 3)).toBe(share);
          seen.set(profileId, [...(seen.get(profileId) ?? []), change]);
        }
        after = page.reached;
        if (last && !page.more) return;
      }
    });
    const ROUNDS = 20;
    await Promise.all(
      Array.from({ length: 12 }, async (_, writer) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await applyMemberships(
            audience,
            context,
            [writer, (writer + round) % 12].map((profile) => ({
              profileId: `p${profile}`,
              segmentId: 's',
              status: 'realized',
              at: new Date().toISOString(),
              identities: { count: [`${writer}.${round}`] },
            })),
          );
        }
      }),
    );
    done = true;
    await Promise.all(reading);
    const { rows } = await audience.pool.query<{ profile_id: string; changes: number[] }>(
      `select profile_id, array_agg(change::int order by change) as changes from profile_changes where sandbox = $1 group by 1`,
      [context.sandbox],
    );
    expect(rows).toHaveLength(12);
    expect(rows.reduce((sum, { changes }) => sum + changes.length, 0)).toBeGreaterThan(12 * ROUNDS);
    for (const { profile_id, changes } of rows) expect(seen.get(profile_id)).toEqual(changes);
  });

  it('forgets an erased profile at once', async () => {
    const id = destination();
    await activate(id, 's');
    await report('p', 's', 'realized', { identities: { email: 'a@x' } });
    await report('q', 's', 'realized');
    await eraseProfile(audience, context, 'p');
    expect((await live(id)).events.map(({ profileId }) => profileId)).toEqual(['q']);
    expect(await source.replay(question(id), 'p')).toBeNull();
    const { rowCount } = await audience.pool.query(
      'select 1 from profile_changes where profile_id = $1 and sandbox = $2',
      ['p', context.sandbox],
    );
    expect(rowCount).toBe(0);
  });

  it('cannot send a profile without the identity that the key is made of, nor one that lacks a required attribute', async () => {
    const id = destination([field('attributes.name', 'name', { required: true })], {
      partitionKey: 'identities.email',
    });
    await activate(id, 's');
    await report('p', 's', 'realized', { identities: { email: ['a@x'] }, attributes: { name: 'A' } });
    await report('q', 's', 'realized', { attributes: { name: 'B' } });
    await report('r', 's', 'realized', { identities: { email: ['a@x'] } });
    const { events, leftOut } = await live(id);
    expect(events).toEqual([
      expect.objectContaining({ profileId: 'p', key: expect.stringMatching(/^[0-9a-f]{64}$/) }),
      expect.objectContaining({ profileId: 'q', code: 'partition-key-missing' }),
    ]);
    expect(leftOut).toEqual({ 'required:name': 1 });
  });

  it('sends a profile again as it is, under the id of the redelivery', async () => {
    const id = destination();
    await activate(id, 's');
    await report('p', 's', 'realized');
    await report('p', 's', 'exited');
    const first = await source.replay(question(id), 'p');
    expect(payloads({ events: [first!] })[0]).toMatchObject({
      segmentMembership: { ups: { s: { status: 'exited' } } },
      waybill: { replay: true, sequence: 3 },
    });
    expect((await source.replay(question(id), 'p'))?.eventId).toBe(first?.eventId);
    expect(await source.replay(question(id), 'p', '2')).toBeNull();
    expect(await source.replay(question(id), 'unknown')).toBeNull();
  });

  it('says so when a destination was away for longer than changes are kept', async () => {
    const id = destination();
    await activate(id, 's');
    await report('p', 's', 'realized');
    const { reached } = await live(id);
    await report('p', 's', 'exited');
    await audience.pool.query(`update profile_changes set at = at - interval '8 days' where sandbox = $1`, [
      context.sandbox,
    ]);
    expect(await forgetChanges(audience, 7, new AbortController().signal)).toBe(2);
    await report('p', 's', 'realized');
    await expect(live(id, reached)).rejects.toMatchObject({ slug: 'changes-forgotten' });
    await activate(id, 's');
    expect((await live(id, reached)).events).toEqual([]);
    expect((await source.backfill(question(id), 's', null)).events).toHaveLength(1);
  });
});
