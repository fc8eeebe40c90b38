import { AUDIENCE_EXPORT_VIEW } from '@waybill/contracts';
import pg from 'pg';
import type { Column } from './columns.js';
import type { RowsRequest } from './request.js';

const { escapeLiteral } = pg;

/** Where a part ended: the profile, and with an identity in the mapping the one in the last row. */
export type RowKey = readonly [profileId: string, identity?: string];

export interface RowsQuery {
  /**
   * First the key (one column, or two with an identity), then whether the row loses to a duplicate (only where `deduplicates`),
   * then the columns of the file. COPY takes no parameters, so values stand in it as literals of pg's own escaping.
   */
  readonly sql: string;
  readonly keyColumns: 1 | 2;
  readonly deduplicates: boolean;
}

/** Rows in the order of profile id and identity, beginning after a key. `shown` are those of the columns that are read. */
export const rowsQuery = (
  request: RowsRequest,
  columns: readonly Column[],
  after: RowKey | null,
  shown: readonly Column[] = columns,
): RowsQuery => {
  const namespace = namespaceOf(columns);
  const identity = namespace !== undefined;
  const keys = columns.filter(({ key }) => key);
  // A profile is in a segment once: its id is a key that nothing else has.
  const deduplicates = keys.length > 0 && !keys.some(({ source }) => source.kind === 'profile');
  const source = `${AUDIENCE_EXPORT_VIEW} as rows${identity ? identitiesIn(namespace) : ''}`;
  const where = conditions(request, columns);
  const order = `rows.profile_id${identity ? ', identity.id' : ''}`;
  const selected = [
    'rows.profile_id',
    ...(identity ? ['identity.id'] : []),
    ...(deduplicates ? ['loser is not null'] : []),
    ...shown.map(({ sql }) => sql),
  ];
  const losers = deduplicates ? `with ${losersOf(source, where, columns, keys)} ` : '';
  const joined = deduplicates ? `${source} left join losers on loser = rows.profile_id` : source;
  return {
    sql:
      `${losers}select ${selected.join(', ')} from ${joined} ` +
      `where ${[where, ...startingAfter(after)].join(' and ')} order by ${order}`,
    keyColumns: identity ? 2 : 1,
    deduplicates,
  };
};

const namespaceOf = (columns: readonly Column[]): string | undefined => {
  for (const { source } of columns) if (source.kind === 'identity') return source.namespace;
  return undefined;
};

/** One row for each id in the namespace; a profile without any stays, so that it is seen and counted as left out. */
const identitiesIn = (namespace: string): string =>
  ` left join lateral (
      select value collate "C" as id from jsonb_array_elements_text(rows.identities -> ${escapeLiteral(namespace)})
    ) identity on true`;

const conditions = (request: RowsRequest, columns: readonly Column[]): string => {
  const { tenant, sandbox, segment, watermark, changedSince } = request;
  const withExits =
    changedSince !== null && columns.some(({ source }) => source.kind === 'segment' && source.field === 'status');
  return [
    `tenant = ${escapeLiteral(tenant)}`,
    `sandbox = ${escapeLiteral(sandbox)}`,
    `segment_id = ${escapeLiteral(segment.id)}`,
    `change <= ${changeNumber(watermark)}`,
    ...(changedSince === null ? [] : [`change > ${changeNumber(changedSince)}`]),
    ...(withExits ? [] : [`status = 'realized'`]),
  ].join(' and ');
};

const changeNumber = (watermark: string): string => {
  if (!/^\d{1,18}$/.test(watermark)) throw new Error(`not a watermark: ${watermark}`);
  return watermark;
};

const startingAfter = (after: RowKey | null): readonly string[] => {
  if (after === null) return [];
  const [profileId, identity] = after.map((key) => (key === undefined ? undefined : escapeLiteral(key)));
  if (identity === undefined) return [`rows.profile_id > ${profileId}`];
  // The first condition is the one that an index takes.
  return [`rows.profile_id >= ${profileId}`, `(rows.profile_id > ${profileId} or identity.id > ${identity})`];
};

/**
 * Profiles that share a key with one that was updated later: none of their rows are exported. Equally late ones are
 * compared by their columns. Rows that lack a key or a required column take no part. Only sorts, of narrow rows: what few
 * profiles share is all that is looked up again.
 */
const losersOf = (source: string, where: string, columns: readonly Column[], keys: readonly Column[]): string => {
  const needed = columns.filter(({ key, required }) => key || required).map(({ text }) => `${text} <> ''`);
  const names = keys.map((_, index) => `key${index}`).join(', ');
  const selected = keys.map(({ text }, index) => `${text} as key${index}`).join(', ');
  const others = columns.filter(({ key, source }) => !key && source.kind !== 'segment').map(({ text }) => text);
  const looks = `(select array[${others.join(', ')}]::text[] from ${AUDIENCE_EXPORT_VIEW} as same
      where ${where} and same.profile_id = shared.profile_id)`;
  return `losers as materialized (
    select distinct profile_id as loser from (
      select profile_id, first_value(profile_id) over (
        partition by ${names} order by latest desc, ${looks} collate "C", profile_id) as winner
      from (
        select rows.profile_id, ${selected}, greatest(since, identified_at) as latest,
          count(*) over (partition by ${keys.map(({ text }) => text).join(', ')}) as sharing
        from ${source} where ${[where, ...new Set(needed)].join(' and ')}
      ) shared where sharing > 1
    ) ranked where profile_id <> winner)`;
};

/** How many rows there are to read; with an identity or duplicates more or fewer may be written. */
export const countQuery = (request: RowsRequest, columns: readonly Column[]): string =>
  `select count(*)::int as rows from ${AUDIENCE_EXPORT_VIEW} as rows where ${conditions(request, columns)}`;
