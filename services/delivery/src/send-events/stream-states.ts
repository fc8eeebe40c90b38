import { Inject, Injectable } from '@nestjs/common';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE } from '@waybill/service-kit';
import { THIS_HOUR } from './ledger.js';
import { graverOf, type SenderState } from './sender-state.js';
import type { ActiveStream } from './streams.js';

export const stateMigrations: readonly Migration[] = [
  {
    name: '012-stream-states',
    sql: `
      create table stream_states (
        destination_id uuid not null, owner uuid not null, state jsonb not null, at timestamptz not null default now(),
        primary key (destination_id, owner))`,
  },
];

/** What a process that said nothing for so long told is no news any more. */
const STALE_SECONDS = 30;

/** How each process does at each destination: for runs, which show it while they are under way. */
@Injectable()
export class StreamStates {
  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async tell(
    owner: string,
    states: readonly { readonly stream: ActiveStream; readonly state: SenderState }[],
  ): Promise<void> {
    await this.database.transaction(async (client) => {
      const told = states.map(({ stream, state }) => ({ destination_id: stream.destinationId, state }));
      await client.query(
        `insert into stream_states (destination_id, owner, state)
         select destination_id, $1, state from jsonb_to_recordset($2) as told (destination_id uuid, state jsonb)
         on conflict (destination_id, owner) do update set state = excluded.state, at = now()`,
        [owner, JSON.stringify(told)],
      );
      await client.query(
        'delete from stream_states where (owner = $1 and destination_id <> all ($2)) or at < now() - make_interval(secs => $3)',
        [owner, told.map((one) => one.destination_id), STALE_SECONDS],
      );
      // What does not go as it should is to be seen in a run, though nothing has been sent in this hour.
      const troubled = states.filter(({ state: { state } }) => state === 'refused' || state === 'unavailable');
      await client.query(
        `insert into stream_windows (destination_id, hour, tenant, sandbox)
         select destination_id, ${THIS_HOUR}, tenant, sandbox from streams where destination_id = any($1)
         on conflict do nothing`,
        [troubled.map(({ stream }) => stream.destinationId)],
      );
    });
  }

  /** By destination. */
  async of(destinationIds: readonly string[]): Promise<ReadonlyMap<string, SenderState>> {
    const { rows } = await this.database.pool.query<{ destination_id: string; state: SenderState }>(
      `select destination_id, state from stream_states
       where destination_id = any($1) and at >= now() - make_interval(secs => $2)`,
      [destinationIds, STALE_SECONDS],
    );
    const states = new Map<string, SenderState>();
    for (const { destination_id, state } of rows) {
      const known = states.get(destination_id);
      states.set(destination_id, known ? graverOf(known, state) : state);
    }
    return states;
  }
}
