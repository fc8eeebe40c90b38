import { Inject, Injectable } from '@nestjs/common';
import { CONTRACTS } from '@waybill/contracts';
import type { Scope } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import type { Database, Migration } from '@waybill/postgres';
import { BACKBONE, type Backbone, DATABASE, type Listener, type Worker } from '@waybill/service-kit';

export const feedMigrations: readonly Migration[] = [
  {
    name: '001-feed',
    sql: `create table feed (
            position bigint generated always as identity primary key, tenant text not null, sandbox text not null,
            message_id text not null unique, name text not null, event json not null,
            received_at timestamptz not null default now());
          create index on feed (tenant, sandbox, position);
          create index on feed (received_at)`,
  },
];

/** What services ask of each other on their way to an outcome; dashboards are told the outcome. */
const INTERNAL = /Requested$/;
const RETENTION = '7 days';
const SWEEP_MS = 3_600_000;

const nameOf = (type: string): string => type.split('.')[2] ?? type;

/** An entry as dashboards see it: a CloudEvent in JSON. */
export interface FeedEntry {
  readonly position: number;
  readonly event: object;
}

/** The events of all services in one order of their own, kept for a week, so that a dashboard can go on where it left off. */
@Injectable()
export class Feed implements Listener, Worker {
  readonly listensTo = CONTRACTS.filter(
    ({ kind, type, topic }) => kind === 'event' && topic?.endsWith('.events') && !INTERNAL.test(nameOf(type)),
  ).map(({ type }) => type);

  private sweeping: NodeJS.Timeout | undefined;
  private readonly stopping = new AbortController();
  /** Aborted when the service stops: watchers then end their streams. */
  readonly ending = this.stopping.signal;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(BACKBONE) private readonly backbone: Backbone,
  ) {}

  async receive({
    id,
    type,
    source,
    subject,
    time,
    tenant,
    sandbox,
    data,
    actor,
    correlationId,
  }: ReceivedMessage): Promise<void> {
    const event = {
      specversion: '1.0',
      id,
      type,
      source,
      subject,
      time,
      tenant,
      sandbox,
      actor,
      correlationid: correlationId,
      data,
    };
    await this.database.transaction(async (client) => {
      // Positions become visible in their order, so that no reader passes one that is not committed yet.
      await client.query(`select pg_advisory_xact_lock(hashtext('waybill feed'))`);
      await client.query(
        'insert into feed (tenant, sandbox, message_id, name, event) values ($1, $2, $3, $4, $5) on conflict do nothing',
        [tenant, sandbox, id, nameOf(type), JSON.stringify(event)],
      );
      await client.query('notify catalog_feed');
    });
  }

  async head(): Promise<number> {
    const { rows } = await this.database.pool.query<{ head: number }>(
      'select coalesce(max(position), 0) as head from feed',
    );
    return rows[0]?.head ?? 0;
  }

  async after(
    position: number,
    { tenant, sandbox }: Scope,
    names: readonly string[] | undefined,
  ): Promise<readonly FeedEntry[]> {
    const { rows } = await this.database.pool.query<FeedEntry>(
      `select position, event from feed
       where tenant = $1 and sandbox = $2 and position > $3 and ($4::text[] is null or name = any($4))
       order by position limit 200`,
      [tenant, sandbox, position, names ?? null],
    );
    return rows;
  }

  onEntry(listener: () => void): () => void {
    return this.backbone.wakeups.on('catalog_feed', listener);
  }

  start(): void {
    this.sweeping = setInterval(() => {
      // What a failed sweep leaves, the next one takes.
      this.database.pool
        .query(`delete from feed where received_at < now() - interval '${RETENTION}'`)
        .catch(() => undefined);
    }, SWEEP_MS);
  }

  stop(): Promise<void> {
    clearInterval(this.sweeping);
    this.stopping.abort();
    return Promise.resolve();
  }
}
