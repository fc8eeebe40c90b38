import { Inject, Injectable } from '@nestjs/common';
import { AUDIENCE_CHANGES_VIEW, AUDIENCE_STREAMS_VIEW } from '@waybill/contracts';
import type { Database } from '@waybill/postgres';
import { DATABASE, gauge, type Worker } from '@waybill/service-kit';
import { withExportConnection } from '../rows/export-connection.js';
import { SHARES } from '../send-events/shares.js';

let readings: () => Promise<readonly Standing[]> = async () => [];

gauge(
  'waybill_stream_changes_forgotten',
  'Destinations, disabled ones too, that have not been told of changes which are kept no longer.',
  ['type', 'enabled'],
  async (metric) => {
    for (const { type, enabled, reached, forgotten } of await readings()) {
      if (reached < forgotten) metric.inc({ type, enabled: String(enabled) });
    }
  },
);

gauge(
  'waybill_stream_lag_changes',
  'Changes of the audience after the last one delivered, of the enabled destination that is furthest behind.',
  ['type'],
  async (metric) => {
    const most = new Map<string, number>();
    for (const { type, enabled, reached, watermark } of await readings()) {
      if (enabled) most.set(type, Math.max(watermark - reached, most.get(type) ?? 0));
    }
    for (const [type, changes] of most) metric.set({ type }, changes);
  },
);

/** How far live delivery to a destination has come among the changes that audience keeps. */
interface Standing {
  readonly destinationId: string;
  readonly type: string;
  readonly enabled: boolean;
  /** The last change that all shares of the destination are past, or that its live delivery begins after. */
  readonly reached: number;
  /** The last change of its sandbox. */
  readonly watermark: number;
  /** Changes up to it are kept no longer. */
  readonly forgotten: number;
}

/** How the telling of the members of an active segment goes. */
export interface Backfill {
  readonly segmentId: string;
  /** Members taken up: told, left out with a reason, or dead letters. */
  readonly read: number;
  readonly done: boolean;
  /** RFC 3339; null before the end. */
  readonly finishedAt: string | null;
}

/** How far live delivery is behind, and the backfills. */
export interface StreamProgress {
  readonly lag: {
    readonly changes: number;
    /** Age of the oldest change that was not taken up yet. */
    readonly seconds: number;
  };
  readonly backfills: readonly Backfill[];
}

/**
 * Tells how far destinations are behind, and of those that audience has forgotten changes for. An enabled one says so
 * itself, in its run; of a disabled one nobody would hear before it is enabled. It asks nobody but the database.
 */
@Injectable()
export class StreamStandings implements Worker {
  private readonly stopping = new AbortController();

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  start(): void {
    readings = () => this.all();
  }

  async stop(): Promise<void> {
    readings = async () => [];
    this.stopping.abort();
  }

  /** Of those of the destinations that audience knows of, by destination. */
  async progressOf(destinationIds: readonly string[]): Promise<ReadonlyMap<string, StreamProgress>> {
    if (destinationIds.length === 0) return new Map();
    const standings = (await this.all()).filter(({ destinationId }) => destinationIds.includes(destinationId));
    const seconds = await this.secondsBehind(standings);
    const backfills = await this.backfills(destinationIds);
    return new Map(
      standings.map(({ destinationId, reached, watermark }) => [
        destinationId,
        {
          lag: { changes: Math.max(0, watermark - reached), seconds: seconds.get(destinationId) ?? 0 },
          backfills: backfills
            .filter((one) => one.destinationId === destinationId)
            .map(({ destinationId: _, ...one }) => one),
        },
      ]),
    );
  }

  private async all(): Promise<readonly Standing[]> {
    const streams = await this.positions();
    if (streams.length === 0) return [];
    const kept = await this.kept(streams.map(({ destinationId }) => destinationId));
    return streams.flatMap(({ reached, ...stream }) => {
      const bounds = kept.get(stream.destinationId);
      if (!bounds) return []; // audience has not heard of it yet
      const { since, watermark, forgotten } = bounds;
      return [{ ...stream, reached: Math.max(since, reached ?? 0), watermark, forgotten }];
    });
  }

  private async positions() {
    const { rows } = await this.database.pool.query<
      Pick<Standing, 'destinationId' | 'type' | 'enabled'> & { readonly reached: number | null }
    >(
      `select stream.destination_id as "destinationId", type, enabled,
              case when count(share) = $1 then min(split_part(reached, '/', 1)::bigint) end as reached
       from streams stream left join stream_positions position
         on position.destination_id = stream.destination_id and lane = 'live ' || beginning
       where exists (
         select 1 from stream_segments segment where segment.destination_id = stream.destination_id and active)
       group by stream.destination_id`,
      [SHARES],
    );
    return rows;
  }

  private kept(destinationIds: readonly string[]) {
    return withExportConnection(this.database, this.stopping.signal, async (client) => {
      const { rows } = await client.query<
        Pick<Standing, 'destinationId' | 'watermark' | 'forgotten'> & { readonly since: number }
      >(
        `select destination_id as "destinationId", min(since) as since, max(watermark) as watermark,
                max(forgotten) as forgotten
         from ${AUDIENCE_STREAMS_VIEW} where destination_id = any($1) group by destination_id`,
        [destinationIds],
      );
      return { result: new Map(rows.map((row) => [row.destinationId, row])), readToTheEnd: true };
    });
  }

  private secondsBehind(standings: readonly Standing[]): Promise<ReadonlyMap<string, number>> {
    return withExportConnection(this.database, this.stopping.signal, async (client) => {
      const { rows } = await client.query<{ destinationId: string; seconds: number }>(
        `select destination_id as "destinationId", greatest(0, floor(extract(epoch from now() - oldest.at)))::int as seconds
         from unnest($1::uuid[], $2::bigint[]) as standing (destination_id, reached)
           join (select distinct destination_id, tenant, sandbox from ${AUDIENCE_STREAMS_VIEW}) stream using (destination_id)
           cross join lateral (
             select at from ${AUDIENCE_CHANGES_VIEW} changed
             where changed.tenant = stream.tenant and changed.sandbox = stream.sandbox and changed.change > standing.reached
             order by changed.change, changed.profile_id limit 1) oldest`,
        [standings.map(({ destinationId }) => destinationId), standings.map(({ reached }) => reached)],
      );
      return { result: new Map(rows.map((row) => [row.destinationId, row.seconds])), readToTheEnd: true };
    });
  }

  private async backfills(destinationIds: readonly string[]) {
    const { rows } = await this.database.pool.query<
      Omit<Backfill, 'finishedAt'> & { readonly destinationId: string; readonly finishedAt: Date | null }
    >(
      `select segment.destination_id as "destinationId", segment_id as "segmentId", coalesce(sum(read), 0)::bigint as read,
              count(*) filter (where done) = $2 as done,
              case when count(*) filter (where done) = $2 then max(done_at) end as "finishedAt"
       from stream_segments segment left join stream_positions position
         on position.destination_id = segment.destination_id and lane = 'backfill ' || activation || ' ' || segment_id
       where segment.destination_id = any($1) and active
       group by segment.destination_id, segment_id order by segment_id`,
      [destinationIds, SHARES],
    );
    return rows.map(({ finishedAt, ...row }) => ({ ...row, finishedAt: finishedAt?.toISOString() ?? null }));
  }
}
