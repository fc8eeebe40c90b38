import {
  AUDIENCE_CHANGES_VIEW,
  AUDIENCE_EXPORT_VIEW,
  AUDIENCE_MEMBERSHIPS_VIEW,
  AUDIENCE_STREAMS_VIEW,
  type Mapping,
  parseSource,
  type Source,
} from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import pg from 'pg';
import type { LivePosition } from './positions.js';
import type { Share } from './port.js';
import type { ProfileState } from './payload.js';
import type { MembershipNow, ProfileChange } from './trigger.js';

const { escapeLiteral } = pg;

/** A segment that is active, as audience heard of it. */
export interface Followed {
  readonly segmentId: string;
  readonly activatedAt: number;
  /** The last change before what is told live. */
  readonly since: number;
  /** Of the sandbox. */
  readonly watermark: number;
  readonly forgotten: number;
}

export const readFollowed = async (
  client: pg.ClientBase,
  { tenant, sandbox }: Scope,
  destinationId: string,
): Promise<readonly Followed[]> => {
  const { rows } = await client.query<Omit<Followed, 'activatedAt'> & { readonly activatedAt: Date }>(
    `select segment_id as "segmentId", activated_at as "activatedAt", since, watermark, forgotten
     from ${AUDIENCE_STREAMS_VIEW} where tenant = $1 and sandbox = $2 and destination_id = $3`,
    [tenant, sandbox, destinationId],
  );
  return rows.map((row) => ({ ...row, activatedAt: row.activatedAt.getTime() }));
};

/** A profile with its memberships in the segments that were asked about, as they stand. */
export interface ReadProfile extends ProfileState {
  readonly memberships: readonly MembershipNow[];
}

export interface ReadChange extends ReadProfile {
  readonly changed: ProfileChange;
  /** RFC 3339, UTC. */
  readonly changedAt: string;
}

interface Reading {
  readonly scope: Scope;
  readonly fields: Mapping['fields'];
  /** Those that are active. */
  readonly segmentIds: readonly string[];
}

interface PageReading extends Reading {
  readonly share: Share;
  readonly max: number;
}

const TIME = `'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'`;
const utc = (time: string): string => `to_char(${time} at time zone 'UTC', ${TIME})`;

/** The columns of a profile, and its memberships. */
const selected = (of: string, fields: Mapping['fields'], membershipsNow = 'now.memberships'): string =>
  [`${of}.profile_id`, `${of}.identities`, membershipsNow, ...fields.map(({ source }) => valueOf(of, source))].join(
    ', ',
  );

/**
 * Memberships of a profile in the segments. Each segment is a look of its own, with its id written out: memberships are
 * partitioned by segment, so that the planner takes the index of one partition, whatever it knows of the tables.
 */
const memberships = (of: string, segmentIds: readonly string[]): string => `
  left join lateral (
    select jsonb_agg(jsonb_build_array(segment_id, status, ${utc('since')}, change)) as memberships
    from (${segmentIds.map((segmentId) => lookOf(of, segmentId)).join(' union all ')}) looks
  ) now on true`;

const lookOf = (of: string, segmentId: string): string =>
  `select look.segment_id, look.status, look.since, look.change from ${AUDIENCE_MEMBERSHIPS_VIEW} look
   where look.tenant = $1 and look.sandbox = $2 and look.segment_id = ${escapeLiteral(segmentId)}
     and look.profile_id = ${of}.profile_id`;

/** What one question looks at, at most: a part of a second, after which it is kept how far it came. */
const LOOKED_AT = 20_000;

/**
 * Changes after a position, in their order, of profiles that are or were in one of the segments; what belongs to other
 * shares or segments is passed over as it comes. An index gives them in this order. `end` is where to go on from, unless
 * everything up to the watermark was read.
 */
export const readChanges = async (
  client: pg.ClientBase,
  { scope, fields, segmentIds, share, max }: PageReading,
  after: LivePosition,
  watermark: number,
): Promise<{ readonly changes: readonly ReadChange[]; readonly end?: LivePosition }> => {
  const { rows } = await client.query<unknown[]>({
    rowMode: 'array',
    text: `
      select ${selected('changed', fields, 'memberships_now')}, changed.change, ${utc('at')}, changed.memberships,
        identities_changed, to_jsonb(attributes_written), to_jsonb(attributes_changed), is_ours, looked_at
      from (
        select changed.*, now.memberships as memberships_now,
          (now.memberships is not null or changed.memberships ?| $3) as is_ours,
          row_number() over (order by changed.change, changed.profile_id) as looked_at
        from ${AUDIENCE_CHANGES_VIEW} changed ${memberships('changed', segmentIds)}
        where changed.tenant = $1 and changed.sandbox = $2 and (changed.change, changed.profile_id) > ($4, $5)
          and changed.change <= $6 and ${inShare('changed.profile_id', share)}
        order by changed.change, changed.profile_id limit ${LOOKED_AT}
      ) changed
      where is_ours or looked_at = ${LOOKED_AT}
      order by changed.change, changed.profile_id limit $7`,
    values: [scope.tenant, scope.sandbox, segmentIds, after.change + 1, after.profileId, watermark, max],
  });
  const looked = rows.map((row) => {
    const [change, changedAt, moves, identitiesChanged, attributesWritten, attributesChanged, isOurs, lookedAt] =
      row.slice(fields.length + 3) as [
        ...[number, string, ProfileChange['memberships'], boolean, string[], string[]],
        ...[boolean, number],
      ];
    const changed = { change, memberships: moves, identitiesChanged, attributesWritten, attributesChanged };
    return { ...profileOf(row, fields), changed, changedAt, isOurs, lookedAt };
  });
  const changes = looked.filter(({ isOurs }) => isOurs);
  const last = looked.at(-1);
  if (!last || (looked.length < max && last.lookedAt < LOOKED_AT)) return { changes };
  return { changes, end: { change: last.changed.change - 1, profileId: last.profileId } };
};

/** Who is in a segment since before `since`, in the order of their ids. */
export const readMembers = async (
  client: pg.ClientBase,
  { scope, fields, segmentIds, share, max }: PageReading,
  { segmentId, since }: Pick<Followed, 'segmentId' | 'since'>,
  after: string,
): Promise<readonly ReadProfile[]> => {
  const { rows } = await client.query<unknown[]>({
    rowMode: 'array',
    text: `
      select ${selected('member', fields)}
      from ${AUDIENCE_EXPORT_VIEW} member ${memberships('member', segmentIds)}
      where member.tenant = $1 and member.sandbox = $2 and member.segment_id = $3 and member.profile_id > $4
        and member.status = 'realized' and member.change <= $5 and ${inShare('member.profile_id', share)}
      order by member.profile_id limit $6`,
    values: [scope.tenant, scope.sandbox, segmentId, after, since, max],
  });
  return rows.map((row) => profileOf(row, fields));
};

/** One profile that is or was in one of the segments. */
export const readProfile = async (
  client: pg.ClientBase,
  { scope, fields, segmentIds }: Reading,
  profileId: string,
): Promise<ReadProfile | undefined> => {
  const { rows } = await client.query<unknown[]>({
    rowMode: 'array',
    text: `
      select ${selected('member', fields)}
      from ${AUDIENCE_EXPORT_VIEW} member ${memberships('member', segmentIds)}
      where member.tenant = $1 and member.sandbox = $2 and member.segment_id = any ($3) and member.profile_id = $4
      limit 1`,
    values: [scope.tenant, scope.sandbox, segmentIds, profileId],
  });
  return rows[0] && profileOf(rows[0], fields);
};

const profileOf = (row: readonly unknown[], fields: Mapping['fields']): ReadProfile => {
  const [profileId, identities, list] = row as [
    string,
    ProfileState['identities'],
    [string, MembershipNow['status'], string, number][] | null,
  ];
  return {
    profileId,
    identities,
    values: row.slice(3, 3 + fields.length) as (string | null)[],
    memberships: (list ?? []).map(([segmentId, status, since, change]) => ({ segmentId, status, since, change })),
  };
};

/** A mapped value as JSON text. */
const valueOf = (of: string, source: string): string => `(${jsonOf(of, parseSource(source))})::text`;

const jsonOf = (of: string, source: Source): string => {
  switch (source.kind) {
    case 'attribute': {
      const named = `${of}.attributes -> ${escapeLiteral(source.name)}`;
      if (!source.name.includes('.')) return named;
      const path = source.name.split('.').map(escapeLiteral).join(', ');
      return `coalesce(${named}, ${of}.attributes #> array[${path}])`;
    }
    case 'identity':
      return `${of}.identities -> ${escapeLiteral(source.namespace)} -> 0`;
    case 'profile':
      return `to_jsonb(${of}.profile_id)`;
    case 'segment':
      throw new Error(`the mapping of a stream holds the source of a file: segment.${source.field}`);
  }
};

/** The same as `shareOf`; nothing is reckoned where all shares are asked for. */
const inShare = (profileId: string, { of, shares }: Share): string => {
  if (shares.length === of) return 'true';
  const hash = `('x' || encode(substring(sha256(convert_to(${profileId}, 'UTF8')) from 1 for 2), 'hex'))::bit(16)::int`;
  return `${hash} % ${whole(of)} in (${shares.map(whole).join(', ') || 'null'})`;
};

const whole = (value: number): string => {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a share: ${value}`);
  return String(value);
};
