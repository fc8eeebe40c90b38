import { performance } from 'node:perf_hooks';
import type { EventOutcome, EventSink } from '@waybill/connectors';
import { isWaybillError, WaybillError } from '@waybill/kernel';
import type { ProfileEvent } from '../stream-source/port.js';
import { Chime } from './chime.js';
import { deadLetterOf } from './dead-letter-of.js';
import type { IsErased } from './erased-profiles.js';
import type { Feed, Priority, Settle } from './feed.js';
import { FeedReader } from './feed-reader.js';
import { SENDER_LIMITS, type SenderLimits } from './limits.js';
import { OrderedQueue, type QueuedRecord } from './ordered-queue.js';
import { Pace } from './pace.js';
import { backoffMs, judge } from './retry.js';
import { graverOf, type SenderState, stateAfter, stateNow, unlessSame } from './sender-state.js';

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
 * Sends the events of one destination, from any number of feeds, with a few requests at once. It goes on until it is drained or
 * its tenure ends, whatever the partner does: what cannot be sent waits, or becomes a dead letter after its budget.
 */
export class DestinationSender {
  private readonly limits: SenderLimits;
  private readonly over = new AbortController();
  private draining = false;
  private queue: OrderedQueue | undefined;
  private sink: EventSink | undefined;
  private readonly reader: FeedReader;
  /** Rung when something may be sent. */
  private readonly toSend = new Chime();
  private readonly pace: Pace;
  private awayInARow = 0;
  private lastAccepted = -Infinity;
  private current = stateNow('starting');
  private readonly finished: Promise<void>;

  constructor(
    private readonly options: SenderOptions,
    feeds: readonly Feed[],
  ) {
    this.limits = options.limits ?? SENDER_LIMITS;
    this.pace = new Pace(this.limits.retry);
    const { settle, observer } = options;
    this.reader = new FeedReader({
      ...{ limits: this.limits, settle, observer, signal: this.over.signal },
      isOver: () => this.ended || this.draining,
      onQueued: () => this.toSend.ring(),
    });
    for (const feed of feeds) this.add(feed);
    const stop = () => this.stopNow();
    options.tenure.signal.addEventListener('abort', stop, { once: true });
    if (options.tenure.signal.aborted) stop();
    this.finished = this.work().finally(() => options.tenure.signal.removeEventListener('abort', stop));
  }

  add(feed: Feed): void {
    this.reader.add(feed);
  }

  get feeds(): readonly Feed[] {
    return this.reader.feeds;
  }

  get state(): SenderState {
    return this.reader.troubles.reduce(graverOf, this.current);
  }

  /** How far live delivery is behind: 0 when all that was read is settled and there was no more. */
  get lagSeconds(): number {
    return this.reader.lagSeconds;
  }

  /** Sends nothing that was read of profiles before they were erased, but for what is on its way already. */
  forget(isErased: IsErased): void {
    this.reader.forget(isErased);
  }

  /** There may be something to read. */
  look(): void {
    this.reader.look();
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
    this.toSend.ring();
    this.reader.madeRoom();
    this.reader.look();
  }

  private get ended(): boolean {
    return this.over.signal.aborted || this.options.tenure.isOver();
  }

  private async work(): Promise<void> {
    const saving = setInterval(() => void this.reader.save(), this.limits.settleMs);
    await this.sendUntilEnd();
    this.stopNow();
    await this.reader.close();
    clearInterval(saving);
  }

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
      this.reader.readInto({ queue: this.queue, bucketOf: (key) => this.sink!.bucketOf(key) });
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
        if (record.isErased) queue.drop(record);
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
        queue.drop(record);
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
    this.reader.madeRoom();
  }

  private becomes(next: SenderState): void {
    this.current = unlessSame(this.current, next);
  }

  private giveUp(queue: OrderedQueue, record: QueuedRecord, why: { readonly code: string; readonly message: string }) {
    record.page.givenUp(deadLetterOf(record.event, why, record.trials.attempts));
    this.options.observer.givenUp(why.code);
    queue.settle(record);
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

const tooLargeFor = ({ key, data }: ProfileEvent, { mostRecordBytes }: EventSink) => ({
  code: 'record-too-large',
  message: `The event has ${data.byteLength + Buffer.byteLength(key)} bytes with its key, and the partner takes ${mostRecordBytes} at most. Map fewer or shorter attributes.`,
});

const requestLost = (ms: number): WaybillError =>
  new WaybillError('partner-timeout', 'unavailable', `The partner did not answer within ${ms / 1_000} s.`);
