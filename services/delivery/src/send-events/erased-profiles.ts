import { Inject, Injectable } from '@nestjs/common';
import { profileKey } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';

export const erasedMigrations: readonly Migration[] = [
  {
    name: '014-erased-profiles',
    sql: `
      create table erased_profiles (
        tenant text not null, sandbox text not null, profile_key uuid not null, change bigint not null,
        at timestamptz not null default clock_timestamp(),
        primary key (tenant, sandbox, profile_key, change));
      create index erased_profiles_by_time on erased_profiles (at)`,
  },
];

/** Whoever sends has heard of an erasure by then, or has lost its shares, and what it held with them. */
const HEARD_SECONDS = 60;

/** Whether what was read of a profile, up to a change, is to be told no more. */
export type IsErased = (about: { readonly profileId: string; readonly change: number }) => boolean;

/** A profile that was erased, by a key that stands for it. */
export interface ErasedProfile extends Scope {
  readonly profileKey: string;
  /** The change that erased it. */
  readonly change: number;
}

/** Profiles that were erased a moment ago: for all processes that may hold events of them. */
@Injectable()
export class ErasedProfiles {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async note({ tenant, sandbox }: Scope, key: string, change: number): Promise<void> {
    await this.database.transaction(async (client) => {
      await client.query(
        `insert into erased_profiles (tenant, sandbox, profile_key, change) values ($1, $2, $3, $4) on conflict do nothing`,
        [tenant, sandbox, key, change],
      );
      await client.query('delete from erased_profiles where at < clock_timestamp() - make_interval(secs => $1)', [
        2 * HEARD_SECONDS,
      ]);
    });
  }

  async recent(): Promise<readonly ErasedProfile[]> {
    const { rows } = await this.database.pool.query<ErasedProfile>(
      `select tenant, sandbox, profile_key as "profileKey", change from erased_profiles
       where at >= clock_timestamp() - make_interval(secs => $1)`,
      [HEARD_SECONDS],
    );
    return rows;
  }
}

/** Of one sandbox; undefined when none of them is. */
export const isErasedBy = (erased: readonly ErasedProfile[], { tenant, sandbox }: Scope): IsErased | undefined => {
  const here = erased.filter((one) => one.tenant === tenant && one.sandbox === sandbox);
  if (here.length === 0) return undefined;
  const changes = new Map<string, number>();
  for (const { profileKey: key, change } of here) changes.set(key, Math.max(change, changes.get(key) ?? 0));
  return ({ profileId, change }) => change <= (changes.get(profileKey({ tenant, sandbox }, profileId)) ?? -1);
};
