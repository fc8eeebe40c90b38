import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import { cursorMalformed, DATABASE, decodeCursor, type Page, pageOf } from '@waybill/service-kit';
import type { DeadLetterView } from '../view/dead-letter.view.js';

export interface DeadLetterFilter {
  /** The provider's code, or ours: `record-too-large`. */
  readonly code?: string | undefined;
  /** Given up at or after, and before: RFC 3339. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly profileId?: string | undefined;
  /** What stands for a profile where it is not named (`profileKey`). */
  readonly profileKey?: string | undefined;
  /** The run of the hour in which it was given up. */
  readonly runId?: string | undefined;
}

export const deadLetterMigrations: readonly Migration[] = [
  {
    name: '030-dead-letters-by-age',
    sql: 'create index dead_letters_by_age on dead_letters using brin (at)',
  },
];

/** The most that one statement deletes. */
const BATCH = 20_000;

/** Dead letters of a destination that matter still: what is settled by a redelivery is gone. */
@Injectable()
export class DeadLetters {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Newest first. */
  async list(
    scope: Scope,
    destinationId: string,
    filter: DeadLetterFilter,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<DeadLetterView>> {
    const { values, bind, where } = conditionsOf(scope, destinationId, filter);
    const after = decodeCursor(cursor, 2);
    if (after && Number.isNaN(Date.parse(String(after[0])))) throw cursorMalformed();
    const page = after ? `and (at, event_id::text) < (${bind(after[0])}::timestamptz, ${bind(after[1])})` : '';
    const { rows } = await this.database.pool.query<DeadLetterView & { at: Date; at_key: string }>(
      `select event_id as id, profile_id as "profileId", code, message, attempts, at, run_id as "runId",
              redelivery_id as "redeliveryId", to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at_key
       from dead_letters where ${where} ${page} order by at desc, event_id::text desc limit ${bind(limit + 1)}`,
      values,
    );
    return pageOf(
      rows,
      limit,
      ({ at_key, id }) => [at_key, id],
      ({ at_key: _, at, ...letter }) => ({ ...letter, at: at.toISOString() }),
    );
  }

  /** How many there are, by code, and of how many profiles; those that wait for a redelivery already are not among them. */
  async count(
    scope: Scope,
    destinationId: string,
    filter: DeadLetterFilter,
  ): Promise<{ deadLetters: number; profiles: number; byCode: Record<string, number> }> {
    const { values, where } = conditionsOf(scope, destinationId, filter);
    const { rows } = await this.database.pool.query<{ code: string | null; letters: number; profiles: number }>(
      `select code, count(*) as letters, count(distinct profile_id) as profiles from dead_letters
       where ${where} and redelivery_id is null group by rollup (code)`,
      values,
    );
    const total = rows.find(({ code }) => code === null);
    return {
      deadLetters: total?.letters ?? 0,
      profiles: total?.profiles ?? 0,
      byCode: Object.fromEntries(rows.flatMap(({ code, letters }) => (code === null ? [] : [[code, letters]]))),
    };
  }

  /** For good, unless they wait for a redelivery. */
  async discard(scope: Scope, destinationId: string, filter: DeadLetterFilter): Promise<void> {
    const { values, where } = conditionsOf(scope, destinationId, filter);
    await this.database.pool.query(`delete from dead_letters where ${where} and redelivery_id is null`, values);
  }

  /** For an erasure; answers how many. */
  async forget({ tenant, sandbox }: Scope, profileKey: string): Promise<number> {
    return this.database.transaction(async (client) => {
      // Those that are being written at this moment are to be found, too; who comes later sees that the profile is erased.
      await client.query('lock table dead_letters in share row exclusive mode');
      const { rowCount } = await client.query(
        'delete from dead_letters where tenant = $1 and sandbox = $2 and profile_key = $3',
        [tenant, sandbox, profileKey],
      );
      return rowCount ?? 0;
    });
  }

  /** Those older than so many days, unless they wait for a redelivery; answers how many. */
  async forgetOld(days: number, signal: AbortSignal): Promise<number> {
    for (let forgotten = 0; ;) {
      if (signal.aborted) return forgotten;
      const { rowCount } = await this.database.pool.query(
        `delete from dead_letters where ctid = any (array(
           select ctid from dead_letters where at < now() - make_interval(days => $1) and redelivery_id is null
           limit ${BATCH}))`,
        [days],
      );
      forgotten += rowCount ?? 0;
      if (rowCount === 0) return forgotten;
    }
  }
}

export const conditionsOf = (
  { tenant, sandbox }: Scope,
  destinationId: string,
  { code, from, to, profileId, profileKey, runId }: DeadLetterFilter,
) => {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [
    `tenant = ${bind(tenant)}`,
    `sandbox = ${bind(sandbox)}`,
    `destination_id = ${bind(destinationId)}`,
    ...(code === undefined ? [] : [`code = ${bind(code)}`]),
    ...(from === undefined ? [] : [`at >= ${bind(from)}`]),
    ...(to === undefined ? [] : [`at < ${bind(to)}`]),
    ...(profileId === undefined ? [] : [`profile_id = ${bind(profileId)}`]),
    ...(profileKey === undefined ? [] : [`profile_key = ${bind(profileKey)}`]),
    ...(runId === undefined ? [] : [`run_id = ${bind(runId)}`]),
  ];
  return { values, bind, where: conditions.join(' and ') };
};
