import { setTimeout as sleep } from 'node:timers/promises';
import { applyMemberships, eraseProfile, forgetChanges, loadMembers, type MembershipReport } from '@waybill/audience';
import { type EventsPage, shareOf } from '@waybill/delivery';
import { newId } from '@waybill/kernel';
import {
  type Field,
  openStreamScene,
  payloadsOf,
  type StreamSandbox,
  type StreamScene,
} from './testing/stream-scene.js';

const field = (source: string, target: string, more: Partial<Field> = {}): Field => ({
  source,
  target,
  required: false,
  key: false,
  ...more,
});

const statusesOf = (page: EventsPage, segmentId: string) =>
  payloadsOf(page).map((payload) => payload.segmentMembership.ups[segmentId]?.status);

const exitsOf = (event: EventsPage['events'][number]) => ('exits' in event ? event.exits : undefined);

describe('The source of a stream, on what audience records', () => {
  let scene: StreamScene;
  let on: StreamSandbox;

  beforeAll(async () => {
    scene = await openStreamScene();
  });
  beforeEach(() => {
    on = scene.sandbox();
  });
  afterAll(() => scene.close());

  it('tells each change of status, with the statuses and times of then', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    await on.report('p', 's', 'realized', { identities: { email: 'a@x', crm: ['1', '2'] } });
    await on.report('p', 's', 'exited');
    await on.report('p', 's', 'realized');
    const page = await on.live(id);
    expect(payloadsOf(page).map(({ segmentMembership }) => segmentMembership)).toEqual([
      { ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:01:00.000Z' } } },
      { ups: { s: { status: 'exited', lastQualificationTime: '2026-01-01T00:02:00.000Z' } } },
      { ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:03:00.000Z' } } },
    ]);
    expect(payloadsOf(page)[2]).toMatchObject({
      identityMap: { email: [{ id: 'a@x' }], crm: [{ id: '1' }, { id: '2' }] },
      waybill: { profileId: 'p', tenant: 'acme', sandbox: on.context.sandbox, destinationId: id, mappingRevision: 3 },
    });
    expect(page.events.map(({ change }) => change)).toEqual([2, 3, 4]);
    expect(page).toMatchObject({ reached: '4', more: false, leftOut: {} });
    expect(await on.live(id, page.reached)).toEqual({ events: [], reached: '4', more: false, leftOut: {} });
  });

  it('tells an attribute that is mapped when it is written, with the same value too, and an identity when it changes', async () => {
    const id = on.destination([field('attributes.name', 'person.name.firstName'), field('attributes.a.b', 'deep')]);
    await on.activate(id, 's');
    await on.report('p', 's', 'realized', {
      attributes: { name: 'Anna', other: 1, a: { b: 12345678901234567890n.toString() } },
    });
    const { reached } = await on.live(id);
    const same: Partial<MembershipReport> = { attributes: { name: 'Anna' } };
    await on.report('p', 's', 'existing', same);
    await on.report('p', 's', 'existing', { attributes: { other: 2 } });
    await on.report('p', 's', 'existing', { attributes: { a: { c: 1 } } });
    await on.report('p', 's', 'existing', { identities: { email: 'a@x' } });
    await on.report('p', 's', 'existing', { identities: { email: 'a@x' } });
    const page = await on.live(id, reached);
    expect(page.events.map(({ change }) => change)).toEqual([3, 5, 6]);
    expect(page.leftOut).toEqual({ 'not-mapped': 1 });
    expect(payloadsOf(page)[0]).toMatchObject({ person: { name: { firstName: 'Anna' } } });
  });

  it('leaves out what is written with the same value where only changes count', async () => {
    const id = on.destination([field('attributes.name', 'name')], { onlyChanges: true });
    await on.activate(id, 's');
    await on.report('p', 's', 'realized', { attributes: { name: 'Anna' } });
    await on.report('p', 's', 'existing', { attributes: { name: 'Anna' } });
    await on.report('p', 's', 'existing', { attributes: { name: 'Anne' } });
    const page = await on.live(id);
    expect(page.events.map(({ change }) => change)).toEqual([2, 4]);
    expect(page.leftOut).toEqual({ unchanged: 1 });
  });

  it('tells nothing of segments that are not active, and of no one who is in none that is', async () => {
    const [one, other] = [on.destination([field('attributes.name', 'name')]), on.destination()];
    await on.activate(one, 's');
    await on.activate(other, 't');
    await on.report('p', 't', 'realized', { attributes: { name: 'A' } });
    await on.report('q', 'u', 'realized', { attributes: { name: 'A' } });
    await on.report('r', 's', 'exited');
    expect((await on.live(one)).events).toEqual([]);
    expect(statusesOf(await on.live(other), 't')).toEqual(['realized']);
    const { rows } = await scene.audience.pool.query<{ profile_id: string }>(
      'select profile_id from profile_changes where sandbox = $1',
      [on.context.sandbox],
    );
    expect(rows).toEqual([{ profile_id: 'p' }]);
  });

  it('adds the other segments of the destination as they were at the change', async () => {
    const id = on.destination([], { includeSegmentNames: true, includeSegmentTimestamps: true });
    await on.activate(id, 's');
    await on.activate(id, 't');
    await on.report('p', 's', 'realized');
    await on.report('p', 't', 'realized');
    await on.report('p', 's', 'exited');
    const page = await on.live(id);
    const ups = payloadsOf(page).map(({ segmentMembership }) => segmentMembership.ups);
    expect(ups.map((each) => Object.keys(each).sort())).toEqual([['s'], ['t'], ['s', 't']]);
    expect(page.events.map(exitsOf)).toEqual([0, 0, 1]);
    const { activatedAt } = on.activationsOf(id)[0]!;
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

  it('counts an exit where it is told, and not again with what happens later', async () => {
    const id = on.destination([field('attributes.name', 'name')]);
    await on.activate(id, 's');
    await on.activate(id, 't');
    await on.report('p', 's', 'realized');
    await on.report('p', 't', 'realized');
    await on.report('p', 's', 'exited');
    await on.report('p', 't', 'existing', { attributes: { name: 'P' } });
    const page = await on.live(id);
    expect(statusesOf(page, 's')).toEqual(['realized', undefined, 'exited', 'exited']);
    expect(page.events.map(exitsOf)).toEqual([0, 0, 1, 0]);
    expect((await on.source.replay(on.question(id), ['p'])).map(exitsOf)).toEqual([1]);
  });

  it('reads those who were there before the activation, and tells live who moved since', async () => {
    const id = on.destination([field('attributes.name', 'name')]);
    for (const profile of ['a', 'b', 'c', 'd'])
      await on.report(profile, 's', 'realized', { attributes: { name: profile } });
    await on.report('gone', 's', 'realized');
    await on.report('gone', 's', 'exited');
    await on.activate(id, 's');
    await on.report('b', 's', 'exited');
    await on.report('b', 's', 'realized');
    await on.report('e', 's', 'realized');
    await on.report('a', 's', 'existing', { attributes: { name: 'A' } });
    const waiting = await on.source.backfill(on.question(id), 's', null, null);
    expect(waiting).toEqual({ events: [], reached: '', more: true, leftOut: {} });
    const told = await on.live(id);
    expect(told.events.map(({ profileId }) => profileId)).toEqual(['b', 'b', 'e', 'a']);
    const first = await on.source.backfill(on.question(id, { max: 2 }), 's', null, told.reached);
    expect(first.events.map(({ profileId }) => profileId)).toEqual(['a', 'c']);
    expect(first).toMatchObject({ reached: 'c', more: true });
    expect(payloadsOf(first)[0]).toMatchObject({ name: 'A', waybill: { sequence: Number(told.reached) } });
    expect(payloadsOf(first)[0]?.segmentMembership).toEqual({
      ups: { s: { status: 'realized', lastQualificationTime: '2026-01-01T00:01:00.000Z' } },
    });
    const second = await on.source.backfill(on.question(id, { max: 2 }), 's', first.reached, told.reached);
    expect(second.events.map(({ profileId }) => profileId)).toEqual(['d']);
    expect(second.more).toBe(false);
    const again = await on.source.backfill(on.question(id), 's', null, told.reached);
    expect(again.events.map(({ eventId }) => eventId)).toEqual(
      [...first.events, ...second.events].map(({ eventId }) => eventId),
    );
  });

  it('waits with the backfill until audience has heard of the activation, and finds nothing when it is switched off', async () => {
    const id = on.destination();
    await on.activate(id, 'other');
    const hear = on.decideActivation(id, 's');
    await on.report('p', 's', 'realized');
    await expect(on.source.backfill(on.question(id), 's', null)).rejects.toMatchObject({ slug: 'activation-unheard' });
    await hear();
    expect((await on.source.backfill(on.question(id), 's', null)).events).toHaveLength(1);
    await on.deactivate(id, 's');
    expect(await on.source.backfill(on.question(id), 's', null)).toMatchObject({ events: [], more: false });
  });

  it('never passes over the first changes after an activation, though settings are asked for once a second only', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    await on.report('p', 's', 'realized');
    let { reached } = await on.live(id);
    await on.activate(id, 't');
    await on.report('p', 't', 'realized');
    const page = await on.live(id, reached);
    expect(statusesOf(page, 't')).toEqual(['realized']);
    reached = page.reached;
    await on.deactivate(id, 't');
    await on.report('p', 't', 'exited');
    await on.activate(id, 't');
    await on.report('q', 't', 'realized');
    expect((await on.live(id, reached)).events.map(({ profileId }) => profileId)).toEqual(['q']);
  });

  it('reads a load of one change in pages, and who leaves by being replaced', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    const load = (ids: readonly string[], mode: 'merge' | 'replace') =>
      loadMembers(
        scene.audience,
        {
          context: { ...on.context, commandId: newId() },
          segmentId: 's',
          mode,
          format: { type: 'csv', identity: 'id' },
        },
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
      const page: EventsPage = await on.live(id, after, { max: 7 });
      seen.push(
        ...page.events.map(({ profileId }, n): [string, string | undefined] => [profileId, statusesOf(page, 's')[n]]),
      );
      ({ reached: after, more } = page);
    }
    expect(seen).toEqual([...ids.map((one) => [one, 'realized']), ...ids.slice(20).map((one) => [one, 'exited'])]);
  });

  it('passes over what others are told of in pages too, so that it keeps how far it is', async () => {
    const [quiet, busy] = [on.destination(), on.destination()];
    await on.activate(quiet, 's');
    await on.activate(busy, 't');
    const { audience } = scene;
    // A load of another segment's, and then one of ours.
    await audience.pool.query(
      `with known as (
         insert into profiles (tenant, sandbox, profile_id, identities, attributes, identified_at)
         select 'acme', $1, 'p' || n, '{}', '{}', now() from generate_series(1, 25000) n returning profile_id),
       drawn as (update changes set last = last + 1 where tenant = 'acme' and sandbox = $1 returning last)
       insert into profile_changes select 'acme', $1, last, profile_id, now(),
         '{"t": {"status": "realized", "since": "2026-01-01T00:00:00.000Z"}}', false, '{}', '{}' from known, drawn`,
      [on.context.sandbox],
    );
    await on.report('zoe', 's', 'realized');
    const first = await on.live(quiet);
    expect(first).toMatchObject({ events: [], more: true, leftOut: {} });
    expect(first.reached).toMatch(/^2\/p\d+$/);
    const second = await on.live(quiet, first.reached);
    expect(second.events.map(({ profileId }) => profileId)).toEqual(['zoe']);
    expect(second).toMatchObject({ reached: '4', more: false });
    const shares = { share: { of: 2, shares: [shareOf('zoe', 2)] } };
    expect((await on.live(quiet, null, shares)).events.map(({ profileId }) => profileId)).toEqual(['zoe']);
  });

  it('skips nothing and keeps the order under 12 writers at once, in every share', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    let done = false;
    const seen = new Map<string, number[]>();
    const reading = [0, 1, 2].map(async (share) => {
      for (let after: string | null = null; ;) {
        const last = done;
        const page: EventsPage = await on.live(id, after, { share: { of: 3, shares: [share] }, max: 5 });
        for (const { profileId, change } of page.events) {
          expect(shareOf(profileId, 3)).toBe(share);
          seen.set(profileId, [...(seen.get(profileId) ?? []), change]);
        }
        after = page.reached;
        if (last && !page.more) return;
        if (!page.more) await sleep(5);
      }
    });
    const ROUNDS = 20;
    await Promise.all(
      Array.from({ length: 12 }, async (_, writer) => {
        for (let round = 0; round < ROUNDS; round += 1) {
          await applyMemberships(
            scene.audience,
            on.context,
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
    const { rows } = await scene.audience.pool.query<{ profile_id: string; changes: number[] }>(
      `select profile_id, array_agg(change::int order by change) as changes from profile_changes where sandbox = $1 group by 1`,
      [on.context.sandbox],
    );
    expect(rows).toHaveLength(12);
    expect(rows.reduce((sum, { changes }) => sum + changes.length, 0)).toBeGreaterThan(12 * ROUNDS);
    for (const { profile_id, changes } of rows) expect(seen.get(profile_id)).toEqual(changes);
  }, 120_000);

  it('forgets an erased profile at once', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    await on.report('p', 's', 'realized', { identities: { email: 'a@x' } });
    await on.report('q', 's', 'realized');
    await eraseProfile(scene.audience, on.context, 'p');
    expect((await on.live(id)).events.map(({ profileId }) => profileId)).toEqual(['q']);
    expect(await on.source.replay(on.question(id), ['p'])).toEqual([]);
    const { rowCount } = await scene.audience.pool.query(
      'select 1 from profile_changes where profile_id = $1 and sandbox = $2',
      ['p', on.context.sandbox],
    );
    expect(rowCount).toBe(0);
  });

  it('cannot send a profile without the identity that the key is made of, nor one that lacks a required attribute', async () => {
    const id = on.destination([field('attributes.name', 'name', { required: true })], {
      partitionKey: 'identities.email',
    });
    await on.activate(id, 's');
    await on.report('p', 's', 'realized', { identities: { email: ['a@x'] }, attributes: { name: 'A' } });
    await on.report('q', 's', 'realized', { attributes: { name: 'B' } });
    await on.report('r', 's', 'realized', { identities: { email: ['a@x'] } });
    const { events, leftOut } = await on.live(id);
    expect(events).toEqual([
      expect.objectContaining({ profileId: 'p', key: expect.stringMatching(/^[0-9a-f]{64}$/) }),
      expect.objectContaining({ profileId: 'q', code: 'partition-key-missing' }),
    ]);
    expect(leftOut).toEqual({ 'required:name': 1 });
  });

  it('sends a profile again as it is, under the id of the redelivery', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    await on.report('p', 's', 'realized');
    await on.report('p', 's', 'exited');
    await on.report('q', 's', 'realized');
    const [first, second, ...more] = await on.source.replay(on.question(id), ['p', 'unknown', 'q']);
    expect(more).toEqual([]);
    expect(second?.profileId).toBe('q');
    expect(payloadsOf({ events: [first!] })[0]).toMatchObject({
      segmentMembership: { ups: { s: { status: 'exited' } } },
      waybill: { replay: true, sequence: 4 },
    });
    expect((await on.source.replay(on.question(id), ['p']))[0]?.eventId).toBe(first?.eventId);
    expect(await on.source.replay(on.question(id), ['p'], '2')).toEqual([]);
  });

  it('says so when a destination was away for longer than changes are kept', async () => {
    const id = on.destination();
    await on.activate(id, 's');
    await on.report('p', 's', 'realized');
    const { reached } = await on.live(id);
    await on.report('p', 's', 'exited');
    await scene.audience.pool.query(`update profile_changes set at = at - interval '8 days' where sandbox = $1`, [
      on.context.sandbox,
    ]);
    expect(await forgetChanges(scene.audience, 7, new AbortController().signal)).toBe(2);
    await on.report('p', 's', 'realized');
    await expect(on.live(id, reached)).rejects.toMatchObject({ slug: 'changes-forgotten' });
    await on.activate(id, 's');
    expect((await on.live(id, reached)).events).toEqual([]);
    expect((await on.source.backfill(on.question(id), 's', null)).events).toHaveLength(1);
  });
});
