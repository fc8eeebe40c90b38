import type { ProfileEvent, UnsendableEvent } from '../../stream-source/port.js';
import type { Feed, FeedPage, Priority, Settlement } from '../feed.js';

export type MemoryEvent = ProfileEvent | UnsendableEvent;

export const eventOf = (profileId: string, change: number, key = profileId, bytes = 10): ProfileEvent => ({
  profileId,
  change,
  key,
  eventId: `${profileId}#${change}`,
  data: Buffer.alloc(bytes, `${profileId} ${change} `),
});

/** What is kept of feeds, as the database would: a position by name, and the letters. */
export class MemoryLedger {
  readonly positions = new Map<string, number>();
  readonly settlements: Settlement[] = [];
  readonly deadLetters = new Map<string, string>();

  readonly settle = async (settlements: readonly Settlement[]): Promise<void> => {
    for (const settlement of settlements) {
      this.positions.set(settlement.feed.name, Number(settlement.reached));
      for (const { eventId, code } of settlement.deadLetters) this.deadLetters.set(eventId, code);
      this.settlements.push(settlement);
    }
  };

  total(what: keyof Settlement['tally']): number {
    return this.settlements.reduce((sum, { tally }) => sum + tally[what], 0);
  }
}

/** Events of an array; `log` may grow while it is read. Positions are indexes. */
export const memoryFeed = (
  log: readonly MemoryEvent[],
  {
    name = 'live',
    priority = 'live',
    ends = false,
    from = 0,
    onRead = () => undefined,
  }: {
    readonly name?: string;
    readonly priority?: Priority;
    readonly ends?: boolean;
    readonly from?: number;
    readonly onRead?: (events: readonly MemoryEvent[]) => Promise<void> | void;
  } = {},
): Feed => {
  let next = from;
  return {
    name,
    priority,
    ends,
    async read(max): Promise<FeedPage> {
      const events = log.slice(next, next + max);
      await onRead(events);
      next += events.length;
      return { events, reached: String(next), more: next < log.length, leftOut: {} };
    },
  };
};
