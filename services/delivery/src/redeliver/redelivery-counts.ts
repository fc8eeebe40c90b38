import { Inject, Injectable } from '@nestjs/common';
import type { RedeliveryCounts } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import type pg from 'pg';
import { conditionsOf, type DeadLetterFilter } from '../dead-letters/dead-letters.js';
import type { Tally } from '../send-events/feed.js';

export const redeliveryMigrations: readonly Migration[] = [
  {
    name: '020-redeliveries',
    sql: `
      create table redelivery_counts (
        redelivery_id uuid primary key, destination_id uuid not null, tenant text not null, sandbox text not null,
        requested bigint not null default 0, redelivered bigint not null default 0, skipped bigint not null default 0,
        failed bigint not null default 0, completed boolean not null default false);
      create index redeliveries_under_way on redelivery_counts (destination_id) where not completed`,
  },
];

export interface CountedRedelivery extends Scope {
  readonly redeliveryId: string;
  readonly counts: RedeliveryCounts;
}

/** How far redeliveries are: what they took on, and what became of it. */
@Injectable()
export class Redeliveries {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  /** Puts dead letters into the slow lane of their destination. Once: the same redelivery takes no others later. */
  async claim(scope: Scope, destinationId: string, filter: DeadLetterFilter, redeliveryId: string): Promise<void> {
    await this.database.transaction(async (client) => {
      const { rowCount } = await client.query(
        `insert into redelivery_counts (redelivery_id, destination_id, tenant, sandbox) values ($1, $2, $3, $4)
         on conflict do nothing`,
        [redeliveryId, destinationId, scope.tenant, scope.sandbox],
      );
      if (rowCount === 0) return;
      const { values, bind, where } = conditionsOf(scope, destinationId, filter);
      await client.query(
        `with claimed as (
           update dead_letters set redelivery_id = ${bind(redeliveryId)} where ${where} and redelivery_id is null
           returning profile_key)
         update redelivery_counts set requested = (select count(distinct profile_key) from claimed)
         where redelivery_id = ${bind(redeliveryId)}`,
        values,
      );
    });
  }

  /** Of those whose dead letters were claimed; by id. */
  async countsOf(redeliveryIds: readonly string[]): Promise<ReadonlyMap<string, RedeliveryCounts>> {
    const rows = await this.counted('redelivery_id = any($1)', [redeliveryIds]);
    return new Map(rows.map(({ redeliveryId, counts }) => [redeliveryId, counts]));
  }

  /** Those that nothing waits for any more, and nobody was told so. */
  finished(): Promise<readonly CountedRedelivery[]> {
    return this.counted(
      `not completed and not exists (
         select 1 from dead_letters letter
         where letter.destination_id = counted.destination_id and letter.redelivery_id = counted.redelivery_id)`,
    );
  }

  async completed({ redeliveryId }: CountedRedelivery): Promise<void> {
    await this.database.pool.query('update redelivery_counts set completed = true where redelivery_id = $1', [
      redeliveryId,
    ]);
  }

  private async counted(condition: string, values: readonly unknown[] = []): Promise<readonly CountedRedelivery[]> {
    const { rows } = await this.database.pool.query<CountedRedelivery['counts'] & Omit<CountedRedelivery, 'counts'>>(
      `select redelivery_id as "redeliveryId", tenant, sandbox, requested, redelivered, skipped, failed
       from redelivery_counts counted where ${condition}`,
      [...values],
    );
    return rows.map(({ redeliveryId, tenant, sandbox, ...counts }) => ({ redeliveryId, tenant, sandbox, counts }));
  }
}

/** In the transaction that settles these profiles. */
export const countRedelivered = async (
  client: pg.ClientBase,
  redeliveryId: string,
  { written, skipped, failed }: Tally,
): Promise<void> => {
  await client.query(
    `update redelivery_counts set redelivered = redelivered + $2, skipped = skipped + $3, failed = failed + $4
     where redelivery_id = $1`,
    [redeliveryId, written, skipped, failed],
  );
};

/**
 * Ends redeliveries to destinations that no segment is active on, of some shares: nothing can be told of anybody, so their
 * profiles are skipped and the dead letters stay. Those of destinations that are sent to still are left alone.
 */
export const endRedeliveriesOfIdle = async (
  database: Database,
  shares: readonly number[],
  sentTo: readonly string[],
): Promise<void> => {
  await database.pool.query(
    `with idle as (
       select letter.destination_id, event_id, redelivery_id, profile_key
       from dead_letters letter join streams on streams.destination_id = letter.destination_id and streams.enabled
       where redelivery_id is not null and share = any($1) and letter.destination_id <> all($2)
         and not exists (
           select 1 from stream_segments segment where segment.destination_id = letter.destination_id and active)
       for update of letter),
     released as (
       update dead_letters letter set redelivery_id = null
       from idle where letter.destination_id = idle.destination_id and letter.event_id = idle.event_id),
     counted as (select redelivery_id, count(distinct profile_key) as profiles from idle group by redelivery_id)
     update redelivery_counts known set skipped = skipped + profiles
     from counted where known.redelivery_id = counted.redelivery_id`,
    [shares, sentTo],
  );
};
