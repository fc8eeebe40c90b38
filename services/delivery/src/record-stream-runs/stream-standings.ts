import { Inject, Injectable } from '@nestjs/common';
import { AUDIENCE_STREAMS_VIEW } from '@waybill/contracts';
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
}
