import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { audienceTables } from '../audience-tables.js';
import { eraseProfile } from '../erase-profile/erase-profile.js';
import { findProfile } from '../show-profile/find-profile.js';
import { lastChange } from '../store/changes.js';
import { countsOf } from '../store/segment-counts.js';
import { applyMemberships, type MembershipReport } from './apply-memberships.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
const time = (minute: number) => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();

describe('Memberships that are reported', () => {
  let server: TestDatabase;
  let database: Database;
  let profiles = 0;
  let profileId: string;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
  });
  beforeEach(() => {
    profileId = `profile ${(profiles += 1)}`;
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  const report = (minute: number, status: MembershipReport['status'], more: Partial<MembershipReport> = {}) => ({
    segmentId: 's',
    profileId,
    status,
    at: time(minute),
    ...more,
  });
  const apply = (...reports: MembershipReport[]) => applyMemberships(database, scope, reports);
  const segments = async () => (await findProfile(database, scope, profileId))?.segments;
  const counts = async (segmentId: string) => (await countsOf(database, scope, [segmentId])).get(segmentId);

  it('make profiles and put them into segments', async () => {
    await apply(
      report(1, 'realized', { identities: { email: 'a@x' }, attributes: { name: 'A', age: 1 } }),
      report(2, 'existing', { segmentId: 't', identities: { crm: ['1', '2'] }, attributes: { name: 'B' } }),
    );
    expect(await findProfile(database, scope, profileId)).toEqual({
      id: profileId,
      identities: { email: ['a@x'], crm: ['1', '2'] },
      attributes: { name: 'B', age: 1 },
      segments: [
        { id: 's', status: 'realized', since: '2026-01-01T00:01:00.000Z' },
        { id: 't', status: 'realized', since: '2026-01-01T00:02:00.000Z' },
      ],
    });
  });

  const [first, second, third] = [
    (minute: number) => report(minute, 'realized'),
    (minute: number) => report(minute, 'exited'),
    (minute: number) => report(minute, 'realized'),
  ];
  it.each([
    ['in their order', [first(1), second(2), third(3)]],
    ['backwards', [third(3), second(2), first(1)]],
    ['the last one first', [third(3), first(1), second(2)]],
  ])('end in what the latest says, %s: one by one and together', async (_, reports) => {
    const about = reports.map((each) => ({ ...each, profileId }));
    for (const each of about) await apply(each);
    expect(await segments()).toMatchObject([{ status: 'realized' }]);
    profileId += ' together';
    await apply(...about.map((each) => ({ ...each, profileId })));
    expect(await segments()).toMatchObject([{ status: 'realized' }]);
  });

  const described = (minute: number, attributes: object, more: Partial<MembershipReport> = {}) =>
    report(minute, 'realized', { attributes: { ...attributes }, ...more });
  const profile = async () => {
    const { identities, attributes } = (await findProfile(database, scope, profileId)) ?? {};
    return { identities, attributes };
  };

  it.each(['one by one', 'together'])(
    'say of a profile what the latest says, and older ones fill gaps, %s',
    async (how) => {
      const [first, second] = [
        described(1, { age: 7, city: 'Riga' }, { identities: { email: 'old@x', crm: '1' } }),
        described(2, { age: 8 }, { identities: { email: 'new@x' } }),
      ];
      const asSecondSays = { identities: { email: ['new@x'], crm: ['1'] }, attributes: { age: 8, city: 'Riga' } };
      const all = [second, first, first]; // as a producer sends that tries again
      if (how === 'together') await apply(...all);
      else for (const each of all) await apply(each);
      expect(await profile()).toEqual(asSecondSays);
      await apply(report(5, 'exited')); // says nothing of the profile
      await apply(first, described(3, { name: 'A' }));
      expect(await profile()).toEqual({ ...asSecondSays, attributes: { age: 8, city: 'Riga', name: 'A' } });
      await apply(described(4, { age: 9 }, { segmentId: 'other' }));
      expect(await profile()).toMatchObject({ attributes: { age: 9, city: 'Riga', name: 'A' } });
    },
  );

  it('let what is said later win also where the later one says what is known already', async () => {
    for (const each of [described(1, { age: 7 }), described(3, { age: 7 }), described(2, { age: 8 })])
      await apply(each);
    expect(await profile()).toMatchObject({ attributes: { age: 7 } });
  });

  it('do not let an exit win that is older than a confirmation of the membership', async () => {
    await apply(report(1, 'realized'));
    await apply(report(3, 'realized'));
    await apply(report(2, 'exited'));
    expect(await segments()).toEqual([{ id: 's', status: 'realized', since: time(1) }]);
  });

  it('remember an exit that comes before the entry it ends', async () => {
    await apply(report(2, 'exited'));
    await apply(report(1, 'realized'));
    expect(await segments()).toEqual([{ id: 's', status: 'exited', since: time(2) }]);
  });

  it('count the segment, and change nothing when they come twice', async () => {
    const all = [
      report(1, 'realized', { segmentId: 'counted' }),
      report(1, 'realized', { segmentId: 'counted', profileId: `${profileId} b` }),
      report(2, 'exited', { segmentId: 'counted', profileId: `${profileId} b` }),
    ];
    await apply(...all);
    const { rows: once } = await database.pool.query(`select * from memberships where segment_id = 'counted'`);
    await apply(...all);
    for (const each of all) await apply(each);
    const { rows: twice } = await database.pool.query(`select * from memberships where segment_id = 'counted'`);
    expect(twice).toEqual(once);
    expect(await counts('counted')).toMatchObject({ members: 1, exited: 1 });
  });

  it('take a time to come as now', async () => {
    await apply(report(1, 'realized', { at: '2999-01-01T00:00:00Z' }));
    const [membership] = (await segments()) ?? [];
    expect(Math.abs(Date.parse(membership?.since ?? '') - Date.now())).toBeLessThan(60_000);
  });

  it('become visible in the order of their change numbers, however many write at once', async () => {
    const seen: number[] = [];
    let done = false;
    const reader = async () => {
      let watermark = 0;
      while (!done) {
        const { rows } = await database.pool.query<{ last: number; missed: number }>(
          `select last, (select count(*) from memberships where tenant = 'race' and change <= $1) as missed
           from changes where tenant = 'race'`,
          [watermark],
        );
        if (rows[0]) {
          // What was there up to the watermark when it was read is all that there will ever be.
          seen.push(rows[0].missed - watermark);
          watermark = rows[0].last;
        }
      }
    };
    const write = async (writer: number) => {
      for (let n = 0; n < 25; n++) {
        const about = { ...report(1, 'realized'), segmentId: `${writer}`, profileId: `${writer} ${n}` };
        await applyMemberships(database, { tenant: 'race', sandbox: 'prod' }, [about]);
      }
    };
    const reading = reader();
    await Promise.all(Array.from({ length: 6 }, (_, writer) => write(writer)));
    done = true;
    await reading;
    expect(new Set(seen)).toEqual(new Set([0]));
    expect(await lastChange(database, { tenant: 'race', sandbox: 'prod' })).toBe(150);
  });

  it('are gone with an erased profile, whose times of membership are told', async () => {
    await apply(report(1, 'realized'), report(1, 'realized', { segmentId: 'left' }));
    await apply(report(5, 'exited', { segmentId: 'left' }), report(5, 'exited', { segmentId: 'never in' }));
    const before = await counts('s');
    const { change, memberships } = await eraseProfile(database, scope, profileId);
    expect(change).toBe(await lastChange(database, scope));
    expect(memberships).toEqual(
      expect.arrayContaining([
        { segmentId: 's', from: time(1), until: null },
        { segmentId: 'left', from: time(1), until: time(5) },
      ]),
    );
    expect(await findProfile(database, scope, profileId)).toBeUndefined();
    const { rows } = await database.pool.query('select 1 from memberships where profile_id = $1', [profileId]);
    expect(rows).toEqual([]);
    expect((await counts('s'))?.members).toBe((before?.members ?? 0) - 1);
    expect(await counts('left')).toMatchObject({ members: 0, exited: 0 });
    await expect(eraseProfile(database, scope, profileId)).rejects.toMatchObject({ slug: 'profile-not-found' });
  });
});
