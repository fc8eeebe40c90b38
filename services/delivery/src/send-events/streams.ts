import { Inject, Injectable } from '@nestjs/common';
import { specFor } from '@waybill/connectors';
import {
  CredentialsRotated,
  DestinationCreated,
  DestinationDeleted,
  DestinationDisabled,
  DestinationEnabled,
  readMessage,
  SegmentActivated,
  SegmentDeactivated,
  TargetChanged,
} from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';

export const streamMigrations: readonly Migration[] = [
  {
    name: '010-streams',
    sql: `
      create table streams (
        destination_id uuid primary key, tenant text not null, sandbox text not null, type text not null,
        account_id uuid not null, enabled boolean not null, switched int not null, version int not null,
        beginning int not null);
      create table stream_segments (
        destination_id uuid not null, segment_id text not null, active boolean not null, activation int not null,
        revision int not null,
        primary key (destination_id, segment_id))`,
  },
];

/** A destination that events go to now: it is enabled, and a segment is activated on it. */
export interface ActiveStream extends Scope {
  readonly destinationId: string;
  /** Of the destination: `amazon-kinesis`. */
  readonly type: string;
  /** Grows with everything that calls for a new connection: target, credentials. */
  readonly version: number;
  /** The activation that live delivery began with: it grows when all segments were deactivated in between. */
  readonly beginning: number;
  readonly segments: readonly {
    readonly segmentId: string;
    /** Grows when the segment is activated anew: its members are then told again. */
    readonly activation: number;
  }[];
}

/** What the destination and account services told of the destinations that deliver events. Revisions make repetitions harmless. */
@Injectable()
export class Streams implements Listener {
  readonly listensTo = [
    DestinationCreated.type,
    TargetChanged.type,
    SegmentActivated.type,
    SegmentDeactivated.type,
    DestinationDisabled.type,
    DestinationEnabled.type,
    DestinationDeleted.type,
    CredentialsRotated.type,
  ];
  private readonly heard = new Set<() => void>();

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async receive(message: ReceivedMessage): Promise<void> {
    await this.note(message);
    this.heard.forEach((listener) => listener());
  }

  /** Calls when something may have changed, in this process. */
  onChange(listener: () => void): () => void {
    this.heard.add(listener);
    return () => void this.heard.delete(listener);
  }

  async active(): Promise<readonly ActiveStream[]> {
    const { rows } = await this.database.pool.query<ActiveStream>(
      `select destination_id as "destinationId", tenant, sandbox, type, version, beginning,
              jsonb_agg(jsonb_build_object('segmentId', segment_id, 'activation', activation) order by segment_id) as segments
       from streams join stream_segments using (destination_id)
       where enabled and active group by destination_id order by destination_id`,
    );
    return rows;
  }

  private async note(message: ReceivedMessage): Promise<void> {
    switch (message.type) {
      case DestinationCreated.type:
        return this.create(message, readMessage(DestinationCreated, message.data));
      case TargetChanged.type:
        return this.reconnect('destination_id', readMessage(TargetChanged, message.data).destinationId);
      case CredentialsRotated.type:
        return this.reconnect('account_id', readMessage(CredentialsRotated, message.data).accountId);
      case SegmentActivated.type:
        return this.activate(readMessage(SegmentActivated, message.data));
      case SegmentDeactivated.type:
        return this.deactivate(readMessage(SegmentDeactivated, message.data));
      case DestinationEnabled.type:
        return this.switch(readMessage(DestinationEnabled, message.data), true);
      case DestinationDisabled.type:
        return this.switch(readMessage(DestinationDisabled, message.data), false);
      case DestinationDeleted.type:
        return this.forget(readMessage(DestinationDeleted, message.data).destinationId);
    }
  }

  private async create(
    { tenant, sandbox }: Scope,
    { destinationId, type, accountId }: { destinationId: string; type: string; accountId: string },
  ): Promise<void> {
    if (specFor(type)?.delivers !== 'events') return;
    await this.database.pool.query(
      `insert into streams (destination_id, tenant, sandbox, type, account_id, enabled, switched, version, beginning)
       values ($1, $2, $3, $4, $5, true, 0, 0, 0) on conflict do nothing`,
      [destinationId, tenant, sandbox, type, accountId],
    );
  }

  private async reconnect(by: 'destination_id' | 'account_id', id: string): Promise<void> {
    await this.database.pool.query(`update streams set version = version + 1 where ${by} = $1`, [id]);
  }

  private async activate({ destinationId, segmentId, revision }: Activation): Promise<void> {
    await this.database.transaction(async (client) => {
      const { rowCount } = await client.query('select 1 from streams where destination_id = $1 for update', [
        destinationId,
      ]);
      if (rowCount === 0) return;
      await client.query(
        `update streams set beginning = $2 where destination_id = $1 and beginning < $2
           and not exists (select 1 from stream_segments where destination_id = $1 and active)`,
        [destinationId, revision],
      );
      await client.query(
        `insert into stream_segments as known (destination_id, segment_id, active, activation, revision)
         values ($1, $2, true, $3, $3)
         on conflict (destination_id, segment_id) do update
           set active = true, activation = excluded.activation, revision = excluded.revision
           where known.revision < excluded.revision`,
        [destinationId, segmentId, revision],
      );
    });
  }

  private async deactivate({ destinationId, segmentId, revision }: Activation): Promise<void> {
    await this.database.pool.query(
      `update stream_segments set active = false, revision = $3
       where destination_id = $1 and segment_id = $2 and revision < $3`,
      [destinationId, segmentId, revision],
    );
  }

  private async switch(
    { destinationId, revision }: { destinationId: string; revision: number },
    enabled: boolean,
  ): Promise<void> {
    await this.database.pool.query(
      'update streams set enabled = $2, switched = $3 where destination_id = $1 and switched < $3',
      [destinationId, enabled, revision],
    );
  }

  /** Without its row, nothing of it is sent, kept or counted any more (`settle` of the ledger). */
  private async forget(destinationId: string): Promise<void> {
    await this.database.transaction(async (client) => {
      await client.query('delete from streams where destination_id = $1', [destinationId]);
      for (const table of ['stream_segments', 'stream_positions', 'dead_letters']) {
        await client.query(`delete from ${table} where destination_id = $1`, [destinationId]);
      }
    });
  }
}

interface Activation {
  readonly destinationId: string;
  readonly segmentId: string;
  readonly revision: number;
}
