import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { isWaybillError, messageOf, newId } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Worker } from '@waybill/service-kit';
import { endRedeliveriesOfIdle } from '../redeliver/redelivery-counts.js';
import { RedeliveryFeed } from '../redeliver/redelivery-feed.js';
import { STREAM_SOURCE, type StreamSource } from '../stream-source/index.js';
import { Chime } from './chime.js';
import { DestinationSender } from './destination-sender.js';
import { ErasedProfiles, isErasedBy } from './erased-profiles.js';
import { keepSettlements } from './ledger.js';
import { observerOf, type StreamReading, watchStreams } from './metrics.js';
import { type PositionFeed, positionFeeds } from './position-feeds.js';
import { DEFAULT_TIMING, Shares, type ShareTiming, type Tenure } from './shares.js';
import { Sinks } from './sinks.js';
import { StreamStates } from './stream-states.js';
import { type ActiveStream, Streams } from './streams.js';

const LOOK_MS = 500;
const TELL_MS = 5_000;
/** Less than what is left of a lease after its last renewal, so that shares are given up in time. */
const DRAIN_MS = 4_000;

/** Where a deployment, or a test, has its reasons for other times. */
export const SHARE_TIMING = Symbol('SHARE_TIMING');

interface Running {
  readonly stream: ActiveStream;
  readonly sender: DestinationSender;
  readonly live: readonly PositionFeed[];
  ending?: Promise<void>;
}

/**
 * Sends the events of all active destinations for the shares of profiles that this process holds: one sender each, so that
 * none waits for another. Who else is there does the same for the other shares.
 */
@Injectable()
export class StreamWorker implements Worker {
  private readonly log = new Logger('streams');
  private readonly owner = newId();
  private readonly running = new Map<string, Running>();
  private readonly shares: Shares;
  private readonly chime = new Chime();
  private rings = 0;
  private stopping = false;
  /** Nothing is sent any more, by a drain neither. */
  private stopped = false;
  private work: Promise<void> = Promise.resolve();
  private hearing: Promise<void> = Promise.resolve();
  private unhear: () => void = () => undefined;
  private toldAt = 0;
  private told = '';
  private heard: ReadonlySet<string> = new Set();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(STREAM_SOURCE) private readonly source: StreamSource,
    @Inject(Streams) private readonly streams: Streams,
    @Inject(Sinks) private readonly sinks: Sinks,
    @Inject(StreamStates) private readonly states: StreamStates,
    @Inject(ErasedProfiles) private readonly erased: ErasedProfiles,
    @Optional() @Inject(SHARE_TIMING) timing: ShareTiming = DEFAULT_TIMING,
  ) {
    this.shares = new Shares(database, this.owner, () => this.endAll(), timing);
  }

  start(): void {
    watchStreams(() => this.readings());
    this.unhear = this.streams.onChange(() => this.ring());
    this.work = this.goOn(
      'looking after streams',
      () => this.look(),
      () => this.stopping,
    );
    this.hearing = this.goOn(
      'hearing of erasures',
      () => this.forgetErased(),
      () => this.stopped,
    );
  }

  /** What is under way is sent and settled; whoever comes next goes on there. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.unhear();
    this.ring();
    await this.work;
    try {
      await this.shares.stop();
    } finally {
      this.stopped = true;
      this.ring();
      await this.hearing;
    }
  }

  /** There may be something to do, such as a redelivery. */
  ring(): void {
    this.rings += 1;
    this.chime.ring();
  }

  /** Looks again and again, at once where it was rung since it last began to. */
  private async goOn(what: string, look: () => Promise<void>, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const { rings } = this;
      try {
        await look();
      } catch (error) {
        this.log.warn(`${what} failed and is tried again: ${messageOf(error)}`);
      }
      if (!isOver() && rings === this.rings) await this.chime.wait(LOOK_MS);
    }
  }

  private async look(): Promise<void> {
    await this.shares.turn();
    await this.reconcile();
    await this.tell();
  }

  private async reconcile(): Promise<void> {
    const { tenure } = this.shares;
    if (!tenure) return;
    const active = await this.streams.active();
    const wanted = new Map(active.map((stream) => [stream.destinationId, stream]));
    for (const one of this.running.values()) {
      if (!isSame(one.stream, wanted.get(one.stream.destinationId))) void this.end(one);
    }
    for (const stream of active) {
      if (!this.running.has(stream.destinationId)) await this.begin(stream, tenure);
    }
    await this.redeliver(tenure);
  }

  private async begin(stream: ActiveStream, tenure: Tenure): Promise<void> {
    const feeds = await positionFeeds(this.database, this.source, stream, tenure.shares);
    let last = '';
    const troubled = (error: unknown) => {
      // The same again and again is told once.
      const text = isWaybillError(error) ? `${error.slug}: ${error.message}` : messageOf(error);
      if (text !== last && !tenure.isOver()) {
        this.log.warn({ destinationId: stream.destinationId, err: isWaybillError(error) ? undefined : error }, text);
      }
      last = text;
    };
    const sender = new DestinationSender(
      {
        openSink: (signal) => this.sinks.open(stream, signal),
        settle: (settlements) => keepSettlements(this.database, stream, tenure.leases, settlements),
        tenure,
        observer: observerOf(stream.type, troubled),
      },
      feeds,
    );
    this.running.set(stream.destinationId, {
      stream,
      sender,
      live: feeds.filter(({ priority }) => priority === 'live'),
    });
  }

  private end(one: Running): Promise<void> {
    return (one.ending ??= one.sender.drain(DRAIN_MS).finally(() => {
      this.running.delete(one.stream.destinationId);
      this.ring();
    }));
  }

  private async endAll(): Promise<void> {
    await Promise.all([...this.running.values()].map((one) => this.end(one)));
  }

  /** Redeliveries that were asked for, of profiles in the shares of this process. */
  private async redeliver(tenure: Tenure): Promise<void> {
    await endRedeliveriesOfIdle(this.database, tenure.shares, [...this.running.keys()]);
    if (this.running.size === 0) return;
    const { rows } = await this.database.pool.query<{ destinationId: string; redeliveryId: string; shares: number[] }>(
      `select destination_id as "destinationId", redelivery_id as "redeliveryId", array_agg(distinct share) as shares
       from dead_letters where redelivery_id is not null and destination_id = any($1) group by 1, 2`,
      [[...this.running.keys()]],
    );
    for (const { destinationId, redeliveryId, shares } of rows) {
      const one = this.running.get(destinationId);
      if (!one || one.ending) continue; // it may have ended meanwhile
      const { stream, sender, live } = one;
      for (const feed of live) {
        const isUnderWay = sender.feeds.some(
          (each) => each instanceof RedeliveryFeed && each.redeliveryId === redeliveryId && each.live === feed,
        );
        if (isUnderWay || !shares.some((share) => feed.shares.includes(share))) continue;
        sender.add(new RedeliveryFeed(this.database, this.source, stream, redeliveryId, feed));
      }
    }
  }

  /** Erasures that this process has not heard of yet; in a loop of its own, for a drain takes its time and goes on sending. */
  private async forgetErased(): Promise<void> {
    const recent = new Map((await this.erased.recent()).map((one) => [JSON.stringify(one), one]));
    const news = [...recent].filter(([key]) => !this.heard.has(key)).map(([, one]) => one);
    this.heard = new Set(recent.keys());
    if (news.length === 0) return;
    for (const { stream, sender } of this.running.values()) {
      const isErased = isErasedBy(news, stream);
      if (isErased) sender.forget(isErased);
    }
  }

  private async tell(): Promise<void> {
    const states = [...this.running.values()].map(({ stream, sender }) => ({ stream, state: sender.state }));
    const news = JSON.stringify(states.map(({ stream, state }) => [stream.destinationId, state.state]));
    if (news === this.told && Date.now() - this.toldAt < TELL_MS) return;
    await this.states.tell(this.owner, states);
    this.told = news;
    this.toldAt = Date.now();
  }

  private readings(): readonly StreamReading[] {
    return [...this.running.values()].map(({ stream: { type }, sender: { state, lagSeconds } }) => ({
      type,
      state: state.state,
      lagSeconds,
    }));
  }
}

const isSame = (a: ActiveStream, b: ActiveStream | undefined): boolean => JSON.stringify(a) === JSON.stringify(b);
