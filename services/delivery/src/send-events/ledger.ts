import { profileKey } from '@waybill/contracts';
import { idFrom, WaybillError } from '@waybill/kernel';
import type { Database, Lease, Migration } from '@waybill/postgres';
import type pg from 'pg';

import { shareOf } from '../stream-source/port.js';
import type { DeadLetter, Feed, Settlement, Tally } from './feed.js';
import { addTally, NO_TALLY } from './page-window.js';
import { SHARES } from './shares.js';
import type { ActiveStream } from './streams.js';

export const ledgerMigrations: readonly Migration[] = [
  {
    name: '011-stream-ledger',
    sql: `
      create table stream_positions (
        destination_id uuid not null, lane text not null, share int not null, reached text not null, done boolean not null,
        primary key (destination_id, lane, share));
      create table stream_windows (
        destination_id uuid not null, hour timestamptz not null, tenant text not null, sandbox text not null,
        read bigint not null default 0, written bigint not null default 0, skipped bigint not null default 0,
        failed bigint not null default 0, first_at timestamptz not null default now(), told_at timestamptz,
        primary key (destination_id, hour));
      create table dead_letters (
        destination_id uuid not null, event_id uuid not null, tenant text not null, sandbox text not null,
        profile_id text collate "C" not null, profile_key uuid not null, share int not null, code text not null, message text not null, attempts int not null,
        run_id uuid not null, at timestamptz not null default now(), redelivery_id uuid,
        primary key (destination_id, event_id));
      create index dead_letters_by_time on dead_letters (destination_id, at desc, event_id);
      create index dead_letters_by_profile on dead_letters (profile_key);
      create index dead_letters_to_redeliver on dead_letters (destination_id, redelivery_id) where redelivery_id is not null`,
  },
  {
    name: '013-stream-exits',
    sql: 'alter table stream_windows add column exited bigint not null default 0',
  },
  {
    name: '014-progress-of-backfills',
    sql: `alter table stream_positions add column read bigint not null default 0, add column done_at timestamptz`,
  },
];

/** A feed that keeps itself what its settlements mean, in the transaction that counts them. */
export interface KeptFeed extends Feed {
  keep(client: pg.ClientBase, settlement: Settlement, runId: string): Promise<void>;
}

/** The run of a destination's hour. */
export const streamRunId = (destinationId: string, hour: string): string => idFrom('stream run', destinationId, hour);

export const THIS_HOUR = `date_trunc('hour', now() at time zone 'utc') at time zone 'utc'`;

/**
 * Keeps what is settled of a destination: positions, dead letters and counts, in one transaction that only the holder of
 * the shares can commit. Throws `shares-lost` (conflict) when another process has taken over.
 */
export const keepSettlements = async (
  database: Database,
  stream: ActiveStream,
  leases: readonly Lease[],
  settlements: readonly Settlement[],
): Promise<void> => {
  await database.transaction(async (client) => {
    await requireLeases(client, leases);
    const { destinationId } = stream;
    // A destination that was deleted meanwhile is forgotten.
    const { rowCount } = await client.query('select 1 from streams where destination_id = $1 for share', [
      destinationId,
    ]);
    if (rowCount === 0) return;
    const runId = await count(client, stream, sum(settlements));
    for (const settlement of settlements) await (settlement.feed as KeptFeed).keep(client, settlement, runId);
  });
};

const requireLeases = async (client: pg.ClientBase, leases: readonly Lease[]): Promise<void> => {
  const { rowCount } = await client.query(
    `select 1 from leases join unnest($1::text[], $2::text[], $3::bigint[]) as held (name, owner, epoch)
       using (name, owner, epoch) for share of leases`,
    [leases.map(({ name }) => name), leases.map(({ owner }) => owner), leases.map(({ epoch }) => epoch)],
  );
  if (rowCount !== leases.length) {
    throw new WaybillError('shares-lost', 'conflict', 'Another process has taken over the profiles of this one.');
  }
};

const sum = (settlements: readonly Settlement[]): Tally =>
  settlements.reduce((all, { tally }) => addTally(all, tally), NO_TALLY);

/** Answers the run that it counts for. */
const count = async (
  client: pg.ClientBase,
  { destinationId, tenant, sandbox }: ActiveStream,
  { read, written, skipped, failed, exited }: Tally,
): Promise<string> => {
  if (read === 0) return '';
  const { rows } = await client.query<{ hour: Date }>(
    `insert into stream_windows as known (destination_id, hour, tenant, sandbox, read, written, skipped, failed, exited)
     values ($1, ${THIS_HOUR}, $2, $3, $4, $5, $6, $7, $8)
     on conflict (destination_id, hour) do update
       set read = known.read + $4, written = known.written + $5, skipped = known.skipped + $6, failed = known.failed + $7,
           exited = known.exited + $8
     returning hour`,
    [destinationId, tenant, sandbox, read, written, skipped, failed, exited],
  );
  return streamRunId(destinationId, rows[0]!.hour.toISOString());
};

/** Those of profiles that were erased meanwhile are left out. */
export const keepDeadLetters = async (
  client: pg.ClientBase,
  stream: ActiveStream,
  runId: string,
  letters: readonly DeadLetter[],
): Promise<void> => {
  const { destinationId, tenant, sandbox } = stream;
  if (letters.length === 0) return;
  await client.query(
    `insert into dead_letters (destination_id, event_id, tenant, sandbox, run_id, profile_id, profile_key, share, code,
       message, attempts)
     select $1, event_id, $2, $3, $4, profile_id, profile_key, share, code, message, attempts
     from jsonb_to_recordset($5) as letter
       (event_id uuid, change bigint, profile_id text, profile_key uuid, share int, code text, message text, attempts int)
     where not exists (
       select 1 from erased_profiles erased
       where erased.tenant = $2 and erased.sandbox = $3 and erased.profile_key = letter.profile_key
         and erased.change >= letter.change)
     on conflict (destination_id, event_id) do update
       set at = now(), run_id = excluded.run_id, code = excluded.code, message = excluded.message,
           attempts = excluded.attempts, redelivery_id = null`,
    [destinationId, tenant, sandbox, runId, JSON.stringify(letters.map((letter) => rowOf(stream, letter)))],
  );
};

const rowOf = (stream: ActiveStream, { eventId, change, profileId, code, message, attempts }: DeadLetter) => ({
  event_id: eventId,
  change,
  profile_id: profileId,
  profile_key: profileKey(stream, profileId),
  share: shareOf(profileId, SHARES),
  code,
  message,
  attempts,
});
