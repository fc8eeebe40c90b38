import { AUDIENCE_CHANGES_VIEW, AUDIENCE_MEMBERSHIPS_VIEW } from '@waybill/contracts';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase, type TestDatabase } from '@waybill/testkit/postgres';
import { audienceTables } from '../audience-tables.js';
import { followSegment } from '../follow-segments/followed.js';
import { applyMemberships } from '../members/apply-memberships.js';

const scope = { tenant: 'acme', sandbox: 'prod' };
const PROFILES = 2_000;

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Join Filter'?: number;
  readonly Plans?: readonly Plan[];
}

const nodesOf = (plan: Plan): readonly Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];

/** Before autovacuum has ever seen the tables, the planner knows their size and nothing else. */
describe('Changes as streams read them, in tables that were never analyzed', () => {
  let server: TestDatabase;
  let database: Database;

  beforeAll(async () => {
    server = await testDatabase();
    database = await openDatabase({ url: server.url, schema: 'audience' });
    await migrate(database, 'audience', audienceTables);
    await database.pool.query(
      `do $$ declare one regclass; begin
         for one in select inhrelid::regclass from pg_inherits
           where inhparent in ('memberships'::regclass, 'profiles'::regclass)
         loop execute format('alter table %s set (autovacuum_enabled = off)', one); end loop; end $$`,
    );
    const activatedAt = '2026-01-01T00:00:00.000Z';
    const destinationId = '0197f0c4-7a10-4c3e-9b1e-000000000002';
    await followSegment(database, scope, { destinationId, segmentId: 's', activatedAt, revision: 1 });
    await applyMemberships(
      database,
      scope,
      Array.from({ length: PROFILES }, (_, n) => ({
        segmentId: 's',
        profileId: `p${n}`,
        status: 'realized' as const,
        at: activatedAt,
        attributes: { name: 'A' },
      })),
    );
  });
  afterAll(async () => {
    await database.close();
    await server.drop();
  });

  it('each profile and each membership is one look at a key, not one at the segment', async () => {
    const { rows } = await database.pool.query<{ 'QUERY PLAN': readonly { readonly Plan: Plan }[] }>(
      `explain (analyze, format json)
       select * from ${AUDIENCE_CHANGES_VIEW} changed left join lateral (
         select jsonb_agg(status) from ${AUDIENCE_MEMBERSHIPS_VIEW} look
         where look.tenant = $1 and look.sandbox = $2 and look.segment_id = 's' and look.profile_id = changed.profile_id
       ) now on true
       where changed.tenant = $1 and changed.sandbox = $2 and (changed.change, changed.profile_id) > (0, '')
       order by changed.change, changed.profile_id limit 1000`,
      [scope.tenant, scope.sandbox],
    );
    const plan = rows[0]!['QUERY PLAN'][0]!.Plan;
    expect(plan['Actual Rows']).toBe(1_000);
    const passedOver = nodesOf(plan).map(
      (node) => (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0),
    );
    expect(Math.max(...passedOver)).toBe(0);
  });
});
