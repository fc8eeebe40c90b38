import { Inject, Injectable } from '@nestjs/common';
import {
  DestinationDeleted,
  DestinationDisabled,
  DestinationEnabled,
  readMessage,
  type Schedule,
  ScheduleChanged,
  SegmentActivated,
  SegmentDeactivated,
} from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database, Migration } from '@waybill/postgres';
import { DATABASE, type Listener } from '@waybill/service-kit';

export const activationMigrations: readonly Migration[] = [
  {
    name: '001-activations',
    sql: `
      create table destinations (
        destination_id uuid primary key, enabled boolean not null, enabled_at timestamptz, revision int not null);
      create table activations (
        destination_id uuid not null, segment_id text not null, tenant text not null, sandbox text not null,
        schedule jsonb, active boolean not null, since timestamptz not null, revision int not null,
        primary key (destination_id, segment_id))`,
  },
];

/** A segment that is on, with a schedule, at a destination that is enabled. */
export interface ScheduledSegment extends Scope {
  readonly destinationId: string;
  readonly segmentId: string;
  readonly schedule: Schedule;
  /** Slots up to here have run, or do not count. */
  readonly since: string;
}

/** What the destination service told of activations, for the scheduler. Revisions make a repeated message harmless. */
@Injectable()
export class Activations implements Listener {
  readonly listensTo = [
    SegmentActivated.type,
    ScheduleChanged.type,
    SegmentDeactivated.type,
    DestinationDisabled.type,
    DestinationEnabled.type,
    DestinationDeleted.type,
  ];

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async receive(message: ReceivedMessage): Promise<void> {
    switch (message.type) {
      case SegmentActivated.type: {
        const { destinationId, segmentId, schedule, activatedAt, revision } = readMessage(
          SegmentActivated,
          message.data,
        );
        return this.note(message, destinationId, segmentId, schedule, true, activatedAt, revision);
      }
      case ScheduleChanged.type: {
        const { destinationId, segmentId, schedule, changedAt, revision } = readMessage(ScheduleChanged, message.data);
        return this.note(message, destinationId, segmentId, schedule, true, changedAt, revision);
      }
      case SegmentDeactivated.type: {
        const { destinationId, segmentId, revision } = readMessage(SegmentDeactivated, message.data);
        return this.note(message, destinationId, segmentId, null, false, message.time, revision);
      }
      case DestinationEnabled.type: {
        const { destinationId, enabledAt, revision } = readMessage(DestinationEnabled, message.data);
        return this.switch(destinationId, true, enabledAt, revision);
      }
      case DestinationDisabled.type: {
        const { destinationId, revision } = readMessage(DestinationDisabled, message.data);
        return this.switch(destinationId, false, null, revision);
      }
      case DestinationDeleted.type: {
        const { destinationId, revision } = readMessage(DestinationDeleted, message.data);
        return this.switch(destinationId, false, null, revision);
      }
    }
  }

  private async note(
    { tenant, sandbox }: Scope,
    destinationId: string,
    segmentId: string,
    schedule: Schedule | null,
    active: boolean,
    since: string,
    revision: number,
  ): Promise<void> {
    await this.database.pool.query(
      `insert into activations as known (destination_id, segment_id, tenant, sandbox, schedule, active, since, revision)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (destination_id, segment_id) do update
         set schedule = excluded.schedule, active = excluded.active, since = excluded.since, revision = excluded.revision
         where known.revision < excluded.revision`,
      [destinationId, segmentId, tenant, sandbox, schedule && JSON.stringify(schedule), active, since, revision],
    );
  }

  /** Slots of the time while it was disabled do not count. */
  private async switch(
    destinationId: string,
    enabled: boolean,
    enabledAt: string | null,
    revision: number,
  ): Promise<void> {
    await this.database.pool.query(
      `insert into destinations as known (destination_id, enabled, enabled_at, revision) values ($1, $2, $3, $4)
       on conflict (destination_id) do update
         set enabled = excluded.enabled, enabled_at = coalesce(excluded.enabled_at, known.enabled_at), revision = excluded.revision
         where known.revision < excluded.revision`,
      [destinationId, enabled, enabledAt, revision],
    );
  }

  async scheduled(): Promise<readonly ScheduledSegment[]> {
    const { rows } = await this.database.pool.query<Omit<ScheduledSegment, 'since'> & { readonly since: Date }>(
      `select a.tenant, a.sandbox, a.destination_id as "destinationId", a.segment_id as "segmentId", a.schedule,
              greatest(a.since, d.enabled_at) as since
       from activations a left join destinations d using (destination_id)
       where a.active and a.schedule is not null and coalesce(d.enabled, true)`,
    );
    return rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() }));
  }

  /** The slot has its run now. */
  async taken({ destinationId, segmentId }: ScheduledSegment, slot: string): Promise<void> {
    await this.database.pool.query(
      'update activations set since = $3 where destination_id = $1 and segment_id = $2 and since < $3',
      [destinationId, segmentId, slot],
    );
  }
}
