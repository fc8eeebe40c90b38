import type { Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { drawChange } from '../store/changes.js';
import { recordingChanges } from '../store/profile-changes.js';
import { INCOMING_COLUMNS, mergeMemberships, mergeProfiles } from '../store/merge.js';
import type pg from 'pg';

/** What another system reports of a profile in a segment, and of the profile where it says so. */
export interface MembershipReport {
  readonly segmentId: string;
  readonly profileId: string;
  /** `existing` is read as `realized`. */
  readonly status: 'realized' | 'existing' | 'exited';
  /**
   * RFC 3339. Of two reports the one with the later time wins, in whichever order they come, also in what it says of the
   * profile; a time to come is taken as now.
   */
  readonly at: string;
  readonly identities?: Readonly<Record<string, string | readonly string[]>>;
  readonly attributes?: Readonly<Record<string, unknown>>;
}

/** Merges reports of one sandbox, all or none. The same reports again change nothing. */
export const applyMemberships = async (
  database: Database,
  scope: Scope,
  reports: readonly MembershipReport[],
): Promise<void> => {
  if (reports.length === 0) return;
  await database.transaction(async (client) => {
    const change = await drawChange(client, scope);
    await stageReports(client, rowsOf(reports, await knownOf(client, scope, profilesOfSeveralTimes(reports))));
    await recordingChanges(client, scope, change, 'reported', async () => {
      await mergeProfiles(client, scope, change, 'reported', { confirm: true });
      for (const segmentId of new Set(reports.map((report) => report.segmentId))) {
        await mergeMemberships(client, scope, segmentId, change, 'reported', { confirm: true });
      }
    });
  });
};

/** The table stays with the connection and is empty again after each transaction. */
const stageReports = async (client: pg.ClientBase, rows: readonly Row[]): Promise<void> => {
  await client.query(`set local client_min_messages = warning`);
  await client.query(`create temporary table if not exists reported (${INCOMING_COLUMNS}) on commit delete rows`);
  await client.query(
    `insert into reported (segment_id, profile_id, status, at, identities, attributes, described_at)
     select * from jsonb_to_recordset($1) as report
       (segment_id text, profile_id text, status text, at timestamptz, identities jsonb, attributes jsonb,
        described_at timestamptz)`,
    [JSON.stringify(rows)],
  );
};

/** What is said of a profile. */
interface Description {
  readonly identities: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

interface Row extends Partial<Description> {
  readonly segment_id: string;
  readonly profile_id: string;
  readonly status: 'realized' | 'exited';
  readonly at: string;
  readonly described_at?: string;
}

const timeOf = ({ at }: MembershipReport): number => Date.parse(at);
const describes = ({ identities, attributes }: MembershipReport): boolean =>
  identities !== undefined || attributes !== undefined;

/** Those of whom something is said as of more than one time. */
const profilesOfSeveralTimes = (reports: readonly MembershipReport[]): readonly string[] => {
  const times = new Map<string, number>();
  const several = new Set<string>();
  for (const report of reports.filter(describes)) {
    const time = times.get(report.profileId) ?? timeOf(report);
    if (time !== timeOf(report)) several.add(report.profileId);
    times.set(report.profileId, time);
  }
  return [...several];
};

interface Known extends Description {
  readonly describedAt: number;
}

/** Nobody changes it before the transaction ends, since the change is drawn. */
const knownOf = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  profiles: readonly string[],
): Promise<ReadonlyMap<string, Known>> => {
  if (profiles.length === 0) return new Map();
  const { rows } = await client.query<Known & { profile_id: string }>(
    `select profile_id, identities, attributes, (extract(epoch from described_at) * 1000)::float8 as "describedAt"
     from profiles where tenant = $1 and sandbox = $2 and profile_id = any ($3)`,
    [tenant, sandbox, profiles],
  );
  return new Map(rows.map((row) => [row.profile_id, row]));
};

/**
 * The latest report of each membership; what is said of a profile is gathered on the first of its rows, in the order of
 * time: also what is known of it already has its place there.
 */
const rowsOf = (reports: readonly MembershipReport[], known: ReadonlyMap<string, Known>): readonly Row[] => {
  const latest = new Map<string, MembershipReport>();
  const profiles = new Map<string, Description & { readonly described_at: string }>();
  const unplaced = new Map(known);
  for (const report of reports.toSorted((a, b) => timeOf(a) - timeOf(b))) {
    const { profileId, segmentId } = report;
    const key = JSON.stringify([segmentId, profileId]);
    const other = latest.get(key);
    if (!other || timeOf(report) > timeOf(other)) latest.set(key, report);
    const before = profiles.get(profileId);
    const stored = unplaced.get(profileId);
    const comesIn = stored !== undefined && stored.describedAt <= timeOf(report) ? stored : undefined;
    if (comesIn) unplaced.delete(profileId);
    profiles.set(profileId, {
      identities: { ...before?.identities, ...comesIn?.identities, ...listsOf(report.identities) },
      attributes: { ...before?.attributes, ...comesIn?.attributes, ...report.attributes },
      described_at: describes(report) ? report.at : (before?.described_at ?? '-infinity'),
    });
  }
  return [...latest.values()].map(({ segmentId, profileId, status, at }) => {
    const profile = profiles.get(profileId);
    profiles.delete(profileId);
    return {
      segment_id: segmentId,
      profile_id: profileId,
      status: status === 'exited' ? 'exited' : 'realized',
      at,
      ...profile,
    };
  });
};

const listsOf = (identities: MembershipReport['identities']): Record<string, readonly string[]> =>
  Object.fromEntries(
    Object.entries(identities ?? {}).map(([namespace, ids]) => [namespace, [...new Set([ids].flat())]]),
  );
