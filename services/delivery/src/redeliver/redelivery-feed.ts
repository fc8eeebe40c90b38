import type { Database } from '@waybill/postgres';
import type pg from 'pg';
import type { FeedPage, Settlement } from '../send-events/feed.js';
import type { KeptFeed } from '../send-events/ledger.js';
import { contextOf, type PositionFeed } from '../send-events/position-feeds.js';
import type { ActiveStream } from '../send-events/streams.js';
import type { StreamSource } from '../stream-source/port.js';
import { countRedelivered } from './redelivery-counts.js';

/** Profiles whose state is read at once: it is a slow lane, and gives way to the others. */
const PAGE = 50;

/**
 * The profiles that dead letters of a redelivery are about, each once, with its state of now marked as a replay. What is
 * sent, or told live meanwhile, or gone, settles the profile's letters; what fails again goes back to them.
 */
export class RedeliveryFeed implements KeptFeed {
  readonly priority = 'slow';
  readonly ends = true;
  private reached = '';

  constructor(
    private readonly database: Database,
    private readonly source: StreamSource,
    private readonly stream: ActiveStream,
    readonly redeliveryId: string,
    /** Of the same shares: the replay goes no further than it. */
    readonly live: PositionFeed,
  ) {}

  get name(): string {
    return `redelivery ${this.redeliveryId}`;
  }

  async read(max: number, signal: AbortSignal): Promise<FeedPage> {
    const { destinationId } = this.stream;
    const limit = Math.min(max, PAGE);
    const { rows } = await this.database.pool.query<{ profileId: string }>(
      `select distinct profile_id as "profileId" from dead_letters
       where destination_id = $1 and redelivery_id = $2 and share = any($3) and profile_id > $4
       order by profile_id limit $5`,
      [destinationId, this.redeliveryId, this.live.shares, this.reached, limit],
    );
    // The same id on a retry: it makes the ids of the events.
    const question = { destinationId, context: contextOf(this.stream, this.redeliveryId), signal };
    const profileIds = rows.map(({ profileId }) => profileId);
    const events = profileIds.length === 0 ? [] : await this.source.replay(question, profileIds, this.live.reached);
    this.reached = rows.at(-1)?.profileId ?? this.reached;
    const gone = rows.length - events.length;
    return {
      events,
      reached: this.reached,
      more: rows.length === limit,
      leftOut: gone > 0 ? { 'nothing-to-tell': gone } : {},
    };
  }

  async keep(client: pg.ClientBase, { reached, deadLetters, tally }: Settlement, runId: string): Promise<void> {
    await countRedelivered(client, this.redeliveryId, tally);
    const letters = [this.stream.destinationId, this.redeliveryId, this.live.shares, reached];
    await client.query(
      `update dead_letters set redelivery_id = null, at = now(), run_id = $5, code = again.code, message = again.message,
              attempts = dead_letters.attempts + again.attempts
       from jsonb_to_recordset($6) as again ("profileId" text, code text, message text, attempts int)
       where destination_id = $1 and redelivery_id = $2 and share = any($3) and profile_id <= $4
         and profile_id = again."profileId"`,
      [...letters, runId === '' ? null : runId, JSON.stringify(deadLetters)],
    );
    await client.query(
      `delete from dead_letters
       where destination_id = $1 and redelivery_id = $2 and share = any($3) and profile_id <= $4`,
      letters,
    );
  }
}
