import { randomBytes } from 'node:crypto';
import {
  AUDIENCE_CHANGES_VIEW,
  AUDIENCE_EXPORT_ROLE,
  AUDIENCE_EXPORT_VIEW,
  AUDIENCE_MEMBERSHIPS_VIEW,
  AUDIENCE_STREAMS_VIEW,
} from '@waybill/contracts';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { audienceTables } from '../audience-tables.js';
import { followSegment } from '../follow-segments/followed.js';
import { applyMemberships } from '../members/apply-memberships.js';
import { grantExport } from './export-view.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
const destinationId = '0197f0c4-7a10-4c3e-9b1e-000000000002';
const activatedAt = '2026-01-01T00:00:00.000Z';

const VIEWS = [AUDIENCE_EXPORT_VIEW, AUDIENCE_CHANGES_VIEW, AUDIENCE_MEMBERSHIPS_VIEW, AUDIENCE_STREAMS_VIEW];

describe('The export views', () => {
  let server: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
    await followSegment(database, scope, { destinationId, segmentId: 's', activatedAt, revision: 1 });
    await applyMemberships(database, scope, [
      {
        segmentId: 's',
        profileId: 'p',
        status: 'realized',
        at: '2026-01-01T00:00:00Z',
        identities: { email: 'a@x' },
        attributes: { name: 'A' },
      },
    ]);
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  it('shows memberships with their profiles, in the shape of the contract', async () => {
    const { rows } = await database.pool.query(`select * from ${AUDIENCE_EXPORT_VIEW}`);
    expect(rows).toEqual([
      {
        tenant: 'acme',
        sandbox: 'prod',
        segment_id: 's',
        profile_id: 'p',
        status: 'realized',
        since: new Date('2026-01-01T00:00:00Z'),
        change: 2,
        identities: { email: ['a@x'] },
        attributes: { name: 'A' },
        identified_at: expect.any(Date),
      },
    ]);
  });

  it('show what streams read, in the shapes of the contract', async () => {
    const rowsOf = async (view: string) => (await database.pool.query(`select * from ${view}`)).rows as object[];
    expect(await rowsOf(AUDIENCE_CHANGES_VIEW)).toEqual([
      {
        ...{ ...scope, change: 2, profile_id: 'p', at: expect.any(Date) },
        memberships: { s: { status: 'realized', since: '2026-01-01T00:00:00.000Z' } },
        ...{ identities_changed: true, attributes_written: ['name'], attributes_changed: ['name'] },
        ...{ identities: { email: ['a@x'] }, attributes: { name: 'A' } },
      },
    ]);
    expect(await rowsOf(AUDIENCE_MEMBERSHIPS_VIEW)).toEqual([
      { ...scope, segment_id: 's', profile_id: 'p', status: 'realized', since: new Date(activatedAt), change: 2 },
    ]);
    expect(await rowsOf(AUDIENCE_STREAMS_VIEW)).toEqual([
      {
        ...{ ...scope, destination_id: destinationId, segment_id: 's', activated_at: new Date(activatedAt) },
        ...{ since: 1, watermark: 2, forgotten: 0 },
      },
    ]);
  });

  it('are all that their role may read, and the role is made by any number of services at once', async () => {
    expect(await Promise.all([1, 2, 3].map(() => grantExport(database)))).toEqual([undefined, undefined, undefined]);
    const as = (sql: string) =>
      database.transaction(async (client) => {
        await client.query(`set local role ${AUDIENCE_EXPORT_ROLE}`);
        return (await client.query(sql)).rowCount;
      });
    for (const view of VIEWS) expect(await as(`select * from ${view}`)).toBe(1);
    await expect(as('select * from audience.profiles')).rejects.toThrow('permission denied');
    await expect(as('select * from audience.profile_changes')).rejects.toThrow('permission denied');
    await expect(as('select * from audience.memberships_0')).rejects.toThrow('permission denied');
    await expect(as(`delete from ${AUDIENCE_EXPORT_VIEW}`)).rejects.toThrow();
  });

  it('warns where our user may not take a role, and works without', async () => {
    const own = await testDatabase();
    const name = `waybill_test_${randomBytes(4).toString('hex')}`;
    await database.pool.query(`create role ${name} login password 'x'`);
    const url = new URL(own.url);
    await database.pool.query(`alter database ${url.pathname.slice(1)} owner to ${name}`);
    url.username = name;
    url.password = 'x';
    const limited = await openDatabase({ url: url.href, schema: 'audience' });
    await migrate(limited, 'audience', audienceTables);
    expect(await grantExport(limited)).toContain('may not create or take the role waybill_audience_export');
    await limited.close();
    await own.drop();
    await database.pool.query(`drop role ${name}`);
  });
});
