import { randomBytes } from 'node:crypto';
import { AUDIENCE_EXPORT_ROLE, AUDIENCE_EXPORT_VIEW } from '@waybill/contracts';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { audienceTables } from '../audience-tables.js';
import { applyMemberships } from '../members/apply-memberships.js';
import { grantExport } from './export-view.js';

describe('The export view', () => {
  let server: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
    await applyMemberships(database, { tenant: 'acme', sandbox: 'prod' }, [
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
        change: 1,
        identities: { email: ['a@x'] },
        attributes: { name: 'A' },
        identified_at: expect.any(Date),
      },
    ]);
  });

  it('is all that its role may read, and the role is made by any number of services at once', async () => {
    expect(await Promise.all([1, 2, 3].map(() => grantExport(database)))).toEqual([undefined, undefined, undefined]);
    const as = (sql: string) =>
      database.transaction(async (client) => {
        await client.query(`set local role ${AUDIENCE_EXPORT_ROLE}`);
        return (await client.query(sql)).rowCount;
      });
    expect(await as(`select * from ${AUDIENCE_EXPORT_VIEW}`)).toBe(1);
    await expect(as('select * from audience.profiles')).rejects.toThrow('permission denied');
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
