import { performance } from 'node:perf_hooks';
import type { EventOutcome, EventSink } from '@waybill/connectors';
import { isWaybillError, WaybillError } from '@waybill/kernel';
import type { ProfileEvent } from '../stream-source/port.js';
import { Chime } from './chime.js';
import type { IsErased } from './erased-profiles.js';
import type { DeadLetter, Feed, FeedPage, Priority, Settle, Settlement } from './feed.js';
import { OrderedQueue, QueuedRecord } from './ordered-queue.js';
import { Pace } from './pace.js';
import { type OpenPage, PageWindow } from './page-window.js';
import { backoffMs, judge, RETRY_POLICY, type RetryPolicy } from './retry.js';
import { graverOf, type SenderState, stateAfter, stateNow, unlessSame } from './sender-state.js';
import { Turn } from './turn.js';

export interface SenderLimits {
  /** Requests at once; the first of them also takes what is in the slow lane. */
  readonly requests: number;
  /** Records and bytes that a lane may hold unsettled; a page more may come on top. */
  readonly records: Readonly<Record<Priority, number>>;
  readonly bytes: Readonly<Record<Priority, number>>;
  /** Records that are read at once, at most. */
  readonly page: number;
  /** How long a feed that has no more rests before it is asked again. */
  readonly pollMs: number;
  /** How often settled pages are kept, and how often a position that moved past nothing of interest. */
  readonly settleMs: number;
  readonly settleIdleMs: number;
  /** After which a request that was not answered counts as lost. */
  readonly requestMs: number;
  /** Pauses while the partner, or what we read from, is away. */
  readonly away: Pick<RetryPolicy, 'firstMs' | 'longestMs'>;
  readonly retry: RetryPolicy;
}

export const SENDER_LIMITS: SenderLimits = {
  requests: 4,
  records: { live: 6_000, slow: 2_000 },
  bytes: { live: 24 << 20, slow: 8 << 20 },
  page: 2_000,
  pollMs: 150,
  settleMs: 200,
  settleIdleMs: 2_000,
  requestMs: 60_000,
  away: { firstMs: 500, longestMs: 30_000 },
  retry: RETRY_POLICY,
};

/** As many times the records of a lane may be read, sent or not, ahead of the first one that is not settled. */
const LANES_AHEAD = 4;
/** Read beyond that once for each pause between tries: whether others are accepted tells who is to blame. */
const PROBE = 10;

const LONGEST_ASKED_MS = 300_000;

/** What happens to records, for metrics. */
export interface SenderObserver {
  sent(records: number): void;
  retried(records: number): void;
  throttled(ms: number): void;
  givenUp(code: string): void;
  /** Something stopped the sending; it is tried again. */
  troubled(error: unknown): void;
}

export interface SenderOptions {
  readonly openSink: (signal: AbortSignal) => Promise<EventSink>;
  readonly settle: Settle;
  /** Aborts when this process may send no more, at once: its lease is about to end. */
  readonly tenure: { readonly signal: AbortSignal; isOver(): boolean };
  readonly observer: SenderObserver;
  readonly limits?: SenderLimits;
}

/**
 * Sends the events of one destination, from any number of feeds, within bounded memory and with a few requests at once. It
 * goes on until it is drained or its tenure ends, whatever the partner does: what cannot be sent waits, or becomes a dead
 * letter after its budget, and feeds move on only past what is settled.
 */
export class DestinationSender {
  private readonly limits: SenderLimits;
  private readonly over = new AbortController();
  private draining = false;
  private queue: OrderedQueue | undefined;
  private sink: EventSink | undefined;
  private readonly windows = new Map<Feed, PageWindow>();
  private readonly reading = new Map<Feed, Promise<void>>();
  /** Feeds are read one after the other, and a page is queued before the next is read: so it is known which is newer. */
  private readonly turn = new Turn();
  /** Rung when something may be sent, when there is room again, and when feeds are to be asked now. */
  private readonly toSend = new Chime();
  private readonly room = new Chime();
  private readonly poll = new Chime();
  /** When records of a lane were last read. */
  private readonly readAt: Record<Priority, number> = { live: -Infinity, slow: -Infinity };
  private readonly pace: Pace;
  private awayInARow = 0;
  private lastAccepted = -Infinity;
  private unsaved: Settlement[] = [];
  private savedAt = 0;
  private readonly caughtUp = new Map<Feed, number>();
  private current = stateNow('starting');
  /** Of feeds that cannot be read, whatever is sent of others meanwhile. */
  private readonly readTroubles = new Map<Feed, SenderState>();
  private readonly finished: Promise<void>;

  constructor(
    private readonly options: SenderOptions,
    feeds: readonly Feed[],
  ) {
    this.limits = options.limits ?? SENDER_LIMITS;
    this.pace = new Pace(this.limits.retry);
    for (const feed of feeds) this.add(feed);
    const stop = () => this.stopNow();
    options.tenure.signal.addEventListener('abort', stop, { once: true });
    if (options.tenure.signal.aborted) stop();
    this.finished = this.work().finally(() => options.tenure.signal.removeEventListener('abort', stop));
  }

  add(feed: Feed): void {
    this.windows.set(feed, new PageWindow(feed));
    if (feed.priority === 'live') this.caughtUp.set(feed, performance.now());
    if (this.queue) this.startReading(feed, this.queue);
  }

  get feeds(): readonly Feed[] {
    return [...this.windows.keys()];
  }

  get state(): SenderState {
    return [...this.readTroubles.values()].reduce(graverOf, this.current);
  }

  /** How far live delivery is behind: 0 when all that was read is settled and there was no more. */
  get lagSeconds(): number {
    const caughtUp = Math.min(...this.caughtUp.values());
    const seconds = Math.max(0, performance.now() - caughtUp - this.limits.pollMs * 2) / 1_000;
    return Number.isFinite(seconds) ? seconds : 0;
  }

  /** Sends nothing that was read of profiles before they were erased, but for what is on its way already. */
  forget(isErased: IsErased): void {
    // In turn: what is being read at this moment may hold something of them.
    void this.turn.take('live', async () => {
      for (const { pages } of this.windows.values()) for (const page of pages) page.forget(isErased);
      for (const record of this.queue?.erased(isErased) ?? []) this.drop(this.queue!, record);
      this.toSend.ring();
      this.room.ring();
    });
  }

  /** There may be something to read. */
  look(): void {
    this.poll.ring();
  }

  /** Reads no more, sends what it holds, for a while, and ends; what is left then is read again by whoever comes next. */
  async drain(atMostMs: number): Promise<void> {
    this.draining = true;
    this.ringAll();
    const timer = setTimeout(() => this.stopNow(), atMostMs);
    await this.finished;
    clearTimeout(timer);
  }

  private stopNow(): void {
    this.over.abort();
    this.ringAll();
  }

  private ringAll(): void {
    for (const chime of [this.toSend, this.room, this.poll]) chime.ring();
  }

  private get ended(): boolean {
    return this.over.signal.aborted || this.options.tenure.isOver();
  }

  private async work(): Promise<void> {
    const saving = setInterval(() => void this.save(), this.limits.settleMs);
    await this.sendUntilEnd();
    this.stopNow();
    await Promise.all(this.reading.values());
    clearInterval(saving);
    await this.saving;
    await this.save(true);
  }

  // Sending

  private async sendUntilEnd(): Promise<void> {
    while (!this.ended) {
      try {
        await this.sendUntilTrouble();
        if (this.draining) return;
      } catch (error) {
        if (this.ended) return;
        this.options.observer.troubled(error);
        this.becomes(stateAfter(error));
        this.awayInARow += 1;
        if (this.draining) return;
        await this.toSendAfter(Math.max(askedMs(error), backoffMs(this.awayInARow, this.limits.away)));
      }
    }
  }

  /** Nothing but the end or a drain cuts this pause short. */
  private async toSendAfter(ms: number): Promise<void> {
    const until = performance.now() + ms;
    for (let left = ms; left > 0 && !this.ended && !this.draining; left = until - performance.now()) {
      await this.toSend.wait(left);
    }
  }

  private async sendUntilTrouble(): Promise<void> {
    const sink = await this.options.openSink(this.over.signal);
    try {
      this.sink = sink;
      this.queue ??= new OrderedQueue(sink.atomicBatches);
      for (const feed of this.windows.keys()) this.startReading(feed, this.queue);
      // That a partner lets us in shows little when something waits that it did not take.
      if (this.isEmpty(this.queue)) this.awayInARow = 0;
      if (this.awayInARow === 0) this.becomes(stateNow('sending'));
      const trouble = new AbortController();
      const loops = Array.from({ length: this.limits.requests }, (_, slot) =>
        this.sendLoop(sink, this.queue!, slot, trouble.signal).catch((error: unknown) => {
          trouble.abort();
          this.toSend.ring();
          throw error;
        }),
      );
      const failed = (await Promise.allSettled(loops)).find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    } finally {
      await sink.close().catch((error: unknown) => this.options.observer.troubled(error));
    }
  }

  private async sendLoop(sink: EventSink, queue: OrderedQueue, slot: number, trouble: AbortSignal): Promise<void> {
    const lanes: readonly Priority[] = slot === 0 ? ['slow', 'live'] : ['live'];
    while (!this.ended && !trouble.aborted) {
      const now = performance.now();
      const due = queue.wake(now);
      const pause = this.pace.waitMs(now);
      const lane = pause > 0 ? undefined : lanes.find((one) => queue.hasReady(one));
      if (lane === undefined) {
        if (this.draining && this.isEmpty(queue)) return;
        await this.toSend.wait(Math.max(1, Math.min(1_000, due - now, pause || Infinity)));
        continue;
      }
      await this.sendOne(sink, queue, lane);
    }
  }

  private isEmpty(queue: OrderedQueue): boolean {
    return queue.holds('live').records + queue.holds('slow').records === 0;
  }

  private async sendOne(sink: EventSink, queue: OrderedQueue, lane: Priority): Promise<void> {
    const bucket = queue.nextBucket(lane);
    if (bucket === undefined) return;
    const request = await sink.openBatch(bucket);
    if (this.ended) return;
    const { taken, tooLarge } = queue.fill(request, lane, bucket);
    for (const record of tooLarge) this.giveUp(queue, record, tooLargeFor(record.event, sink));
    if (taken.length === 0) return;
    let outcomes: readonly EventOutcome[];
    try {
      outcomes = await this.answerOf((signal) => request.send(signal));
      if (outcomes.length !== taken.length) throw new Error(`${outcomes.length} outcomes for ${taken.length} records`);
    } catch (error) {
      // Whether they landed is unknown: they go again, first of all, and no other of their keys before them.
      for (const record of taken) {
        if (record.isErased) this.drop(queue, record);
        else queue.rest(record, 0);
      }
      throw error;
    }
    this.apply(queue, taken, outcomes);
  }

  private async answerOf<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const lost = new AbortController();
    const end = () => lost.abort(this.over.signal.reason);
    this.over.signal.addEventListener('abort', end, { once: true });
    const timer = setTimeout(() => lost.abort(requestLost(this.limits.requestMs)), this.limits.requestMs);
    try {
      return await send(lost.signal);
    } finally {
      clearTimeout(timer);
      this.over.signal.removeEventListener('abort', end);
    }
  }

  private apply(queue: OrderedQueue, taken: readonly QueuedRecord[], outcomes: readonly EventOutcome[]): void {
    const { observer } = this.options;
    const now = performance.now();
    const accepted = outcomes.filter(({ sent }) => sent).length;
    if (accepted > 0) {
      this.lastAccepted = now;
      this.awayInARow = 0;
    }
    const before = this.pace.throttledMs;
    this.pace.heard(outcomes, now);
    observer.throttled(this.pace.throttledMs - before);
    const state = getsNowhere(taken, outcomes, this.lastAccepted);
    this.becomes(state ?? stateNow(this.pace.throttled ? 'throttled' : 'sending'));
    let retried = 0;
    // A request that failed as a whole is tried again as a whole.
    let together: number | undefined;
    taken.forEach((record, position) => {
      const outcome = outcomes[position]!;
      record.trials.heard(outcome, now, this.lastAccepted, this.limits.retry);
      const verdict = judge(outcome, record.trials, this.limits.retry);
      if (verdict.next === 'settled') {
        record.page.sent(record.event);
        queue.settle(record);
      } else if (record.isErased) {
        this.drop(queue, record);
      } else if (verdict.next === 'give-up') {
        this.giveUp(queue, record, verdict);
      } else {
        together ??= verdict.afterMs;
        queue.rest(record, now + (this.sink?.atomicBatches ? together : verdict.afterMs));
        retried += 1;
      }
    });
    observer.sent(accepted);
    observer.retried(retried);
    this.toSend.ring();
    this.room.ring();
  }

  private becomes(next: SenderState): void {
    this.current = unlessSame(this.current, next);
  }

  private giveUp(queue: OrderedQueue, record: QueuedRecord, why: { readonly code: string; readonly message: string }) {
    record.page.givenUp(deadLetterOf(record.event, why, record.trials.attempts));
    this.options.observer.givenUp(why.code);
    queue.settle(record);
  }

  private drop(queue: OrderedQueue, record: QueuedRecord): void {
    record.page.needless();
    queue.settle(record);
  }

  // Reading

  private startReading(feed: Feed, queue: OrderedQueue): void {
    if (this.reading.has(feed)) return;
    this.reading.set(feed, this.readLoop(feed, queue));
  }

  private async readLoop(feed: Feed, queue: OrderedQueue): Promise<void> {
    const window = this.windows.get(feed)!;
    let recordBytes = 1_024;
    let failures = 0;
    let reached: string | undefined;
    while (!this.ended && !this.draining) {
      if (this.roomFor(queue, feed.priority, recordBytes) < 1) {
        await this.room.wait(1_000);
        continue;
      }
      try {
        const page = await this.turn.take(feed.priority, () => this.read(window, queue, recordBytes));
        if (!page) continue;
        failures = 0;
        this.readTroubles.delete(feed);
        recordBytes = averageBytes(page, recordBytes);
        const moved = page.reached !== reached;
        reached = page.reached;
        if (page.more && moved) continue;
        if (!page.more && feed.ends) return;
        if (!page.more && window.pages.every(({ unsettled }) => unsettled === 0)) {
          this.caughtUp.set(feed, performance.now());
        }
        await this.poll.wait(this.limits.pollMs);
      } catch (error) {
        if (this.ended || this.draining) return;
        this.options.observer.troubled(error);
        failures += 1;
        // A part of ours that does not answer for a moment, or has not heard of an activation yet, is no trouble.
        const isPassing = isWaybillError(error) && error.kind === 'unavailable' && failures < 3;
        if (!isPassing) this.readTroubles.set(feed, unlessSame(this.readTroubles.get(feed), stateAfter(error)));
        await this.poll.wait(backoffMs(failures, this.limits.away));
      }
    }
  }

  /** Nothing when others have taken the room while it waited for its turn. */
  private async read(window: PageWindow, queue: OrderedQueue, recordBytes: number): Promise<FeedPage | undefined> {
    const { feed } = window;
    const max = this.roomFor(queue, feed.priority, recordBytes);
    if (max < 1 || this.ended || this.draining) return undefined;
    const page = await feed.read(max, this.over.signal);
    this.admit(queue, feed, page, window.open(page));
    return page;
  }

  private roomFor(queue: OrderedQueue, lane: Priority, recordBytes: number): number {
    const held = queue.holds(lane);
    const most = { records: this.limits.records[lane], bytes: this.limits.bytes[lane] };
    // Few at a time would make many questions of little use.
    const least = Math.max(1, Math.floor(Math.min(this.limits.page, most.records / 4, most.bytes / 4 / recordBytes)));
    const left = Math.min(most.records - held.records, (most.bytes - held.bytes) / recordBytes, this.limits.page);
    if (left < least) return 0;
    const ahead = most.records * LANES_AHEAD - this.openRecords(lane);
    if (ahead >= least) return Math.floor(Math.min(left, ahead));
    const isDue = performance.now() - this.readAt[lane] >= this.limits.retry.longestMs;
    return isDue ? Math.floor(Math.min(PROBE, left)) : 0;
  }

  private openRecords(lane: Priority): number {
    return [...this.windows.values()].reduce(
      (sum, { feed, records }) => sum + (feed.priority === lane ? records : 0),
      0,
    );
  }

  private admit(queue: OrderedQueue, { priority }: Feed, { events }: FeedPage, opened: OpenPage): void {
    if (events.length > 0) this.readAt[priority] = performance.now();
    for (const event of events) {
      if ('code' in event) {
        opened.givenUp(deadLetterOf(event, event, 0));
        this.options.observer.givenUp(event.code);
        continue;
      }
      if (priority === 'live') this.supersede(queue, event);
      queue.add(new QueuedRecord(event, priority, this.sink!.bucketOf(event.key), opened));
    }
    this.toSend.ring();
  }

  /** A live change is never followed by an older state of the same profile. */
  private supersede(queue: OrderedQueue, { profileId, change }: ProfileEvent): void {
    for (const older of queue.neededNoMore(profileId, change)) this.drop(queue, older);
  }

  // Keeping

  private saving: Promise<void> = Promise.resolve();
  private isSaving = false;

  private save(atLast = false): Promise<void> {
    if (this.isSaving) return this.saving;
    this.isSaving = true;
    this.saving = this.saveSettled(atLast).finally(() => (this.isSaving = false));
    return this.saving;
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
    const due = atLast || this.unsaved.some(isOfInterest) || now - this.savedAt >= this.limits.settleIdleMs;
    if (!due || this.unsaved.length === 0) return;
    try {
      await this.options.settle(this.unsaved);
      for (const { feed } of this.unsaved.filter(endsFeed)) {
        this.windows.delete(feed);
        this.reading.delete(feed);
        this.readTroubles.delete(feed);
      }
      this.unsaved = [];
      this.savedAt = now;
    } catch (error) {
      this.options.observer.troubled(error); // kept with what is settled until the next time
    }
  }
}

/** That the partner answers, and fails whatever it is asked: these records again, and nothing was accepted in between. */
const getsNowhere = (
  taken: readonly QueuedRecord[],
  outcomes: readonly EventOutcome[],
  lastAccepted: number,
): SenderState | undefined => {
  const [first] = outcomes;
  const nothingPassed = taken.every(({ trials }) => trials.attempts > 0 && !trials.othersPassed(lastAccepted));
  const allFailed = outcomes.every((outcome) => !outcome.sent && outcome.kind === 'failed');
  if (!nothingPassed || !allFailed || first === undefined || first.sent) return undefined;
  return stateNow('unavailable', { slug: 'partner-unavailable', message: `${first.code}: ${first.message}` });
};

/** How long the partner asks to be left alone, as far as that makes sense. */
const askedMs = (error: unknown): number =>
  isWaybillError(error) ? Math.min(LONGEST_ASKED_MS, (error.retryAfterSeconds ?? 0) * 1_000) : 0;

const endsFeed = ({ feed, more }: Settlement): boolean => feed.ends && !more;

const isOfInterest = (settlement: Settlement): boolean => settlement.tally.read > 0 || endsFeed(settlement);

const averageBytes = ({ events }: FeedPage, before: number): number => {
  const sizes = events.flatMap((event) => ('data' in event ? [event.data.byteLength] : []));
  return sizes.length === 0 ? before : Math.max(1, sizes.reduce((sum, size) => sum + size, 0) / sizes.length);
};

const deadLetterOf = (
  { eventId, change, profileId }: Pick<ProfileEvent, 'eventId' | 'change' | 'profileId'>,
  { code, message }: { readonly code: string; readonly message: string },
  attempts: number,
): DeadLetter => ({ eventId, change, profileId, code, message, attempts });

const tooLargeFor = ({ key, data }: ProfileEvent, { mostRecordBytes }: EventSink) => ({
  code: 'record-too-large',
  message: `The event has ${data.byteLength + Buffer.byteLength(key)} bytes with its key, and the partner takes ${mostRecordBytes} at most. Map fewer or shorter attributes.`,
});

const requestLost = (ms: number): WaybillError =>
  new WaybillError('partner-timeout', 'unavailable', `The partner did not answer within ${ms / 1_000} s.`);
