import { performance } from 'node:perf_hooks';
import { isWaybillError } from '@waybill/kernel';
import type { ProfileEvent } from '../stream-source/port.js';
import { Chime } from './chime.js';
import { deadLetterOf } from './dead-letter-of.js';
import type { IsErased } from './erased-profiles.js';
import type { Feed, FeedPage, Priority, Settle, Settlement } from './feed.js';
import type { SenderLimits } from './limits.js';
import { type OrderedQueue, QueuedRecord } from './ordered-queue.js';
import { type OpenPage, PageWindow, withoutErased } from './page-window.js';
import { backoffMs } from './retry.js';
import { type SenderState, stateAfter, unlessSame } from './sender-state.js';
import { Turn } from './turn.js';

/**
 * As many times the records of a lane may be read, sent or not, ahead of the first one that is not settled: all of them may
 * come again. At full speed more than pass while one is tried four times, or one record in 8,000 would stop a lane of which
 * 5 % fail.
 */
const LANES_AHEAD = 8;
/** Read beyond that once for each pause between tries: whether others are accepted tells who is to blame. */
const PROBE = 10;

export interface FeedReaderOptions {
  readonly limits: SenderLimits;
  readonly settle: Settle;
  readonly observer: { givenUp(code: string): void; troubled(error: unknown): void };
  /** Aborts what is being read. */
  readonly signal: AbortSignal;
  /** Nothing more is to be read. */
  isOver(): boolean;
  /** Something was queued, or taken out of the queue. */
  onQueued(): void;
}

/** Where what is read goes. */
interface Destination {
  readonly queue: OrderedQueue;
  bucketOf(key: string): string;
}

/**
 * Reads the feeds of one destination into its queue, within bounded memory, and keeps their positions: these move on only past
 * what is settled.
 */
export class FeedReader {
  private destination: Destination | undefined;
  private readonly windows = new Map<Feed, PageWindow>();
  private readonly reading = new Map<Feed, Promise<void>>();
  /** Feeds are read one after the other, and a page is queued before the next is read: so it is known which is newer. */
  private readonly turn = new Turn();
  /** Rung when there is room again, and when feeds are to be asked now. */
  private readonly room = new Chime();
  private readonly poll = new Chime();
  /** When records of a lane were last read. */
  private readonly readAt: Record<Priority, number> = { live: -Infinity, slow: -Infinity };
  private readonly caughtUp = new Map<Feed, number>();
  private readonly troubleOf = new Map<Feed, SenderState>();
  private unsaved: Settlement[] = [];
  private savedAt = 0;
  private saving: Promise<void> | undefined;

  constructor(private readonly options: FeedReaderOptions) {}

  add(feed: Feed): void {
    this.windows.set(feed, new PageWindow(feed));
    if (feed.priority === 'live') this.caughtUp.set(feed, performance.now());
    if (this.destination) this.startReading(feed, this.destination);
  }

  get feeds(): readonly Feed[] {
    return [...this.windows.keys()];
  }

  /** Of feeds that cannot be read, whatever is sent of others meanwhile. */
  get troubles(): readonly SenderState[] {
    return [...this.troubleOf.values()];
  }

  /** How far live delivery is behind: 0 when all that was read is settled and there was no more. */
  get lagSeconds(): number {
    const caughtUp = Math.min(...this.caughtUp.values());
    const seconds = Math.max(0, performance.now() - caughtUp - this.options.limits.pollMs * 2) / 1_000;
    return Number.isFinite(seconds) ? seconds : 0;
  }

  /** From now on what is read goes there. */
  readInto(destination: Destination): void {
    if (this.destination) return;
    this.destination = destination;
    for (const feed of this.windows.keys()) this.startReading(feed, destination);
  }

  /** Lets go of what was read of profiles before they were erased, but for what is on its way already. */
  forget(isErased: IsErased): void {
    // In turn: what is being read at this moment may hold something of them.
    void this.turn.take('live', async () => {
      for (const { pages } of this.windows.values()) for (const page of pages) page.forget(isErased);
      this.unsaved = this.unsaved.map((settlement) => withoutErased(settlement, isErased));
      const queue = this.destination?.queue;
      for (const record of queue?.erased(isErased) ?? []) queue?.drop(record);
      this.options.onQueued();
      this.room.ring();
    });
  }

  /** There may be something to read. */
  look(): void {
    this.poll.ring();
  }

  /** There may be room for more. */
  madeRoom(): void {
    this.room.ring();
  }

  /** Once it is over: ends with what is being read, and keeps what is settled. */
  async close(): Promise<void> {
    this.room.ring();
    this.poll.ring();
    await Promise.all(this.reading.values());
    await this.saving;
    await this.save(true);
  }

  // Reading

  private startReading(feed: Feed, into: Destination): void {
    this.reading.set(feed, this.readLoop(feed, into));
  }

  private async readLoop(feed: Feed, into: Destination): Promise<void> {
    const { limits, observer } = this.options;
    const window = this.windows.get(feed)!;
    let recordBytes = 1_024;
    let failures = 0;
    let reached: string | undefined;
    while (!this.options.isOver()) {
      if (this.roomFor(into.queue, feed.priority, recordBytes) < 1) {
        await this.room.wait(1_000);
        continue;
      }
      try {
        const page = await this.turn.take(feed.priority, () => this.read(window, into, recordBytes));
        if (!page) continue;
        failures = 0;
        this.troubleOf.delete(feed);
        recordBytes = averageBytes(page, recordBytes);
        const moved = page.reached !== reached;
        reached = page.reached;
        if (page.more && moved) continue;
        if (!page.more && feed.ends) return;
        if (!page.more && window.pages.every(({ unsettled }) => unsettled === 0)) {
          this.caughtUp.set(feed, performance.now());
        }
        await this.poll.wait(limits.pollMs);
      } catch (error) {
        if (this.options.isOver()) return;
        observer.troubled(error);
        failures += 1;
        // A part of ours that does not answer for a moment, or has not heard of an activation yet, is no trouble.
        const isPassing = isWaybillError(error) && error.kind === 'unavailable' && failures < 3;
        if (!isPassing) this.troubleOf.set(feed, unlessSame(this.troubleOf.get(feed), stateAfter(error)));
        await this.poll.wait(backoffMs(failures, limits.away));
      }
    }
  }

  /** Nothing when others have taken the room while it waited for its turn. */
  private async read(window: PageWindow, into: Destination, recordBytes: number): Promise<FeedPage | undefined> {
    const { feed } = window;
    const max = this.roomFor(into.queue, feed.priority, recordBytes);
    if (max < 1 || this.options.isOver()) return undefined;
    const page = await feed.read(max, this.options.signal);
    this.admit(into, feed, page, window.open(page));
    return page;
  }

  private roomFor(queue: OrderedQueue, lane: Priority, recordBytes: number): number {
    const { limits } = this.options;
    const held = queue.holds(lane);
    const most = { records: limits.records[lane], bytes: limits.bytes[lane] };
    // Few at a time would make many questions of little use.
    const least = Math.max(1, Math.floor(Math.min(limits.page, most.records / 4, most.bytes / 4 / recordBytes)));
    const left = Math.min(most.records - held.records, (most.bytes - held.bytes) / recordBytes, limits.page);
    if (left < least) return 0;
    const ahead = most.records * LANES_AHEAD - this.openRecords(lane);
    if (ahead >= least) return Math.floor(Math.min(left, ahead));
    const isDue = performance.now() - this.readAt[lane] >= limits.retry.longestMs;
    return isDue ? Math.floor(Math.min(PROBE, left)) : 0;
  }

  private openRecords(lane: Priority): number {
    return [...this.windows.values()].reduce(
      (sum, { feed, records }) => sum + (feed.priority === lane ? records : 0),
      0,
    );
  }

  private admit({ queue, bucketOf }: Destination, { priority }: Feed, { events }: FeedPage, opened: OpenPage): void {
    if (events.length > 0) this.readAt[priority] = performance.now();
    for (const event of events) {
      if ('code' in event) {
        opened.givenUp(deadLetterOf(event, event, 0));
        this.options.observer.givenUp(event.code);
        continue;
      }
      if (priority === 'live') supersede(queue, event);
      queue.add(new QueuedRecord(event, priority, bucketOf(event.key), opened));
    }
    this.options.onQueued();
  }

  // Keeping

  /** Keeps what is settled, when it is time; `atLast`: all of it, now. */
  save(atLast = false): Promise<void> {
    return (this.saving ??= this.saveSettled(atLast).finally(() => (this.saving = undefined)));
  }

  private async saveSettled(atLast: boolean): Promise<void> {
    for (const window of this.windows.values()) {
      const settlement = window.settled();
      if (settlement) {
        this.unsaved.push(settlement);
        this.room.ring();
      }
    }
    const now = performance.now();
    const due = atLast || this.unsaved.some(isOfInterest) || now - this.savedAt >= this.options.limits.settleIdleMs;
    if (!due || this.unsaved.length === 0) return;
    try {
      await this.options.settle(this.unsaved);
      for (const { feed } of this.unsaved.filter(endsFeed)) {
        this.windows.delete(feed);
        this.reading.delete(feed);
        this.troubleOf.delete(feed);
      }
      this.unsaved = [];
      this.savedAt = now;
    } catch (error) {
      this.options.observer.troubled(error); // kept with what is settled until the next time
    }
  }
}

/** A live change is never followed by an older state of the same profile. */
const supersede = (queue: OrderedQueue, { profileId, change }: ProfileEvent): void => {
  for (const older of queue.neededNoMore(profileId, change)) queue.drop(older);
};

const endsFeed = ({ feed, more }: Settlement): boolean => feed.ends && !more;

const isOfInterest = (settlement: Settlement): boolean => settlement.tally.read > 0 || endsFeed(settlement);

const averageBytes = ({ events }: FeedPage, before: number): number => {
  const sizes = events.flatMap((event) => ('data' in event ? [event.data.byteLength] : []));
  return sizes.length === 0 ? before : Math.max(1, sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
};
