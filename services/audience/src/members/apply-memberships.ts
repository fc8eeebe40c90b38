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
  /** RFC 3339. Of two reports the one with the later time wins, in whichever order they come; a time to come is taken as now. */
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
    await stageReports(client, reports);
    const change = await drawChange(client, scope);
    await recordingChanges(client, scope, change, 'reported', async () => {
      await mergeProfiles(client, scope, change, 'reported');
      for (const segmentId of new Set(reports.map((report) => report.segmentId))) {
        await mergeMemberships(client, scope, segmentId, change, 'reported', { confirm: true });
      }
    });
  });
};

/** The table stays with the connection and is empty again after each transaction. */
const stageReports = async (client: pg.ClientBase, reports: readonly MembershipReport[]): Promise<void> => {
  await client.query(`set local client_min_messages = warning`);
  await client.query(`create temporary table if not exists reported (${INCOMING_COLUMNS}) on commit delete rows`);
  await client.query(
    `insert into reported (segment_id, profile_id, status, at, identities, attributes)
     select * from jsonb_to_recordset($1) as report
       (segment_id text, profile_id text, status text, at timestamptz, identities jsonb, attributes jsonb)`,
    [JSON.stringify(rowsOf(reports))],
  );
};

interface Row {
  readonly segment_id: string;
  readonly profile_id: string;
  readonly status: 'realized' | 'exited';
  readonly at: string;
  readonly identities?: Record<string, readonly string[]>;
  readonly attributes?: Record<string, unknown>;
}

/** The latest report of each membership; what is said of a profile is gathered on the first of its rows. */
const rowsOf = (reports: readonly MembershipReport[]): readonly Row[] => {
  const latest = new Map<string, MembershipReport>();
  const profiles = new Map<string, Required<Pick<Row, 'identities' | 'attributes'>>>();
  for (const report of reports) {
    const key = JSON.stringify([report.segmentId, report.profileId]);
    const other = latest.get(key);
    if (!other || Date.parse(report.at) > Date.parse(other.at)) latest.set(key, report);
    const known = profiles.get(report.profileId);
    profiles.set(report.profileId, {
      identities: { ...known?.identities, ...listsOf(report.identities) },
      attributes: { ...known?.attributes, ...report.attributes },
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
