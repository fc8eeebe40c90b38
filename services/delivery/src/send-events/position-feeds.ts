import { type CommandContext, newId } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type pg from 'pg';
import type { EventsQuestion, StreamSource } from '../stream-source/port.js';
import type { FeedPage, Settlement } from './feed.js';
import { keepDeadLetters, type KeptFeed } from './ledger.js';
import { SHARES } from './shares.js';
import type { ActiveStream } from './streams.js';

/** A lane of a destination that goes on from a position: of some shares, which stand at the same place. */
interface LaneOfShares {
  readonly lane: string;
  readonly shares: readonly number[];
  readonly reached: string | null;
}

type Read = (question: EventsQuestion, after: string | null) => Promise<FeedPage>;

/** Reads on from where it stands, and keeps where everything is settled for each of its shares. */
export class PositionFeed implements KeptFeed {
  /** What was read so far, settled or not. */
  reached: string | null;

  constructor(
    private readonly stream: ActiveStream,
    private readonly place: LaneOfShares,
    readonly priority: KeptFeed['priority'],
    private readonly ask: Read,
  ) {
    this.reached = place.reached;
  }

  get name(): string {
    return this.place.lane;
  }

  get shares(): readonly number[] {
    return this.place.shares;
  }

  /** A backfill ends, live changes never do. */
  get ends(): boolean {
    return this.priority === 'slow';
  }

  async read(max: number, signal: AbortSignal): Promise<FeedPage> {
    const { destinationId } = this.stream;
    const { shares } = this.place;
    const question = { destinationId, context: contextOf(this.stream), share: { of: SHARES, shares }, max, signal };
    const page = await this.ask(question, this.reached);
    this.reached = page.reached;
    return page;
  }

  async keep(client: pg.ClientBase, { reached, more, deadLetters, tally }: Settlement, runId: string): Promise<void> {
    await keepDeadLetters(client, this.stream, runId, deadLetters);
    const done = this.ends && !more;
    await client.query(
      // What was read is of all these shares together, and is counted with the first.
      `insert into stream_positions as known (destination_id, lane, share, reached, done, done_at, read)
       select $1, $2, share, $4, $5, case when $5 then now() end, case when share = $6 then $7 else 0 end
       from unnest($3::int[]) share
       on conflict (destination_id, lane, share) do update
         set reached = excluded.reached, done = excluded.done, done_at = excluded.done_at,
             read = known.read + excluded.read`,
      // That of a backfill names a profile: it is kept no longer than it is of use.
      [
        ...[this.stream.destinationId, this.place.lane, this.place.shares, done ? '' : reached, done],
        ...[this.place.shares[0], tally.read],
      ],
    );
  }
}

export const contextOf = (
  { destinationId, tenant, sandbox }: Pick<ActiveStream, 'destinationId' | 'tenant' | 'sandbox'>,
  commandId = newId(),
): CommandContext => ({
  tenant,
  sandbox,
  commandId,
  actor: 'delivery',
  at: new Date().toISOString(),
  correlationId: destinationId,
});

/**
 * Feeds of a destination for some shares, from where each stands: its live changes, and the backfills that are not done.
 * Shares at the same place are read together. A backfill follows the live lane of the same shares.
 */
export const positionFeeds = async (
  database: Database,
  source: StreamSource,
  stream: ActiveStream,
  shares: readonly number[],
): Promise<readonly PositionFeed[]> => {
  const kept = await positionsOf(database, stream.destinationId);
  return groupsOf(kept, liveLane(stream), shares).flatMap((place) => {
    const live = new PositionFeed(stream, place, 'live', (question, after) => source.live(question, after));
    const backfills = stream.segments.flatMap(({ segmentId, activation }) =>
      groupsOf(kept, backfillLane(segmentId, activation), place.shares).map(
        (group) =>
          new PositionFeed(stream, group, 'slow', (question, after) =>
            source.backfill(question, segmentId, after, live.reached),
          ),
      ),
    );
    return [live, ...backfills];
  });
};

const liveLane = ({ beginning }: ActiveStream): string => `live ${beginning}`;
const backfillLane = (segmentId: string, activation: number): string => `backfill ${activation} ${segmentId}`;

interface KeptPosition {
  readonly lane: string;
  readonly share: number;
  readonly reached: string;
  readonly done: boolean;
}

const positionsOf = async (database: Database, destinationId: string): Promise<readonly KeptPosition[]> => {
  const { rows } = await database.pool.query<KeptPosition>(
    'select lane, share, reached, done from stream_positions where destination_id = $1',
    [destinationId],
  );
  return rows;
};

const groupsOf = (kept: readonly KeptPosition[], lane: string, shares: readonly number[]): readonly LaneOfShares[] => {
  const byShare = new Map(kept.filter((one) => one.lane === lane).map((one) => [one.share, one]));
  const groups = new Map<string | null, number[]>();
  for (const share of shares) {
    const position = byShare.get(share);
    if (position?.done) continue;
    const reached = position?.reached ?? null;
    groups.set(reached, [...(groups.get(reached) ?? []), share]);
  }
  return [...groups].map(([reached, of]) => ({ lane, shares: of, reached }));
};
