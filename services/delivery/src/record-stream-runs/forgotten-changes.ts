import { Inject, Injectable } from '@nestjs/common';
import { AUDIENCE_STREAMS_VIEW } from '@waybill/contracts';
import type { Database } from '@waybill/postgres';
import { DATABASE, gauge, type Worker } from '@waybill/service-kit';
import { withExportConnection } from '../rows/export-connection.js';
import { SHARES } from '../send-events/shares.js';

let readings: () => Promise<readonly Stale[]> = async () => [];

gauge(
  'waybill_stream_changes_forgotten',
  'Destinations, disabled ones too, that have not been told of changes which are kept no longer.',
  ['type', 'enabled'],
  async (metric) => {
    for (const { type, enabled } of await readings()) metric.inc({ type, enabled: String(enabled) });
  },
);

interface Stale {
  readonly destinationId: string;
  readonly type: string;
  readonly enabled: boolean;
  /** The last change that all shares of the destination are past; null where one has not begun. */
  readonly reached: number | null;
}

/**
 * Tells of destinations that audience has forgotten changes for. An enabled one says so itself, in its run; of a disabled
 * one nobody would hear before it is enabled.
 */
@Injectable()
export class ForgottenChanges implements Worker {
  private readonly stopping = new AbortController();

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  start(): void {
    readings = () => this.stale();
  }

  async stop(): Promise<void> {
    readings = async () => [];
    this.stopping.abort();
  }

  private async stale(): Promise<readonly Stale[]> {
    const streams = await this.positions();
    if (streams.length === 0) return [];
    const kept = await this.kept(streams.map(({ destinationId }) => destinationId));
    return streams.filter(({ destinationId, reached }) => {
      const { since, forgotten } = kept.get(destinationId) ?? { since: 0, forgotten: 0 };
      return Math.max(since, reached ?? 0) < forgotten;
    });
  }

  private async positions(): Promise<readonly Stale[]> {
    const { rows } = await this.database.pool.query<Stale>(
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
      const { rows } = await client.query<{ destinationId: string; since: number; forgotten: number }>(
        `select destination_id as "destinationId", min(since) as since, max(forgotten) as forgotten
         from ${AUDIENCE_STREAMS_VIEW} where destination_id = any($1) group by destination_id`,
        [destinationIds],
      );
      return { result: new Map(rows.map((row) => [row.destinationId, row])), readToTheEnd: true };
    });
  }
}
