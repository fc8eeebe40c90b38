import type { EventBatch } from '@waybill/connectors';
import type { ProfileEvent } from '../stream-source/port.js';
import type { IsErased } from './erased-profiles.js';
import type { Priority } from './feed.js';
import type { OpenPage } from './page-window.js';
import { Trials } from './retry.js';

type Stage =
  | 'waiting' // for an earlier record of its key or its profile
  | 'ready'
  | 'under-way' // in a request
  | 'resting' // until its retry
  | 'settled';

/** A record on its way, from being read until it is settled. */
export class QueuedRecord {
  stage: Stage = 'waiting';
  readonly trials = new Trials();
  /** The request that it is in. */
  request: EventBatch | undefined;
  /** Its profile was erased while it was in a request: it is not tried again. */
  isErased = false;
  /** When its rest is over. */
  restsUntil = 0;
  /** How many were added before it. */
  place = 0;
  /**
   * Earlier records, not settled, that it must not overtake, the last one of its key and the last one of its profile among
   * them; and later ones that must not overtake it.
   */
  before: QueuedRecord[] = [];
  after: QueuedRecord[] = [];

  constructor(
    readonly event: ProfileEvent,
    readonly priority: Priority,
    readonly bucket: string,
    readonly page: OpenPage,
  ) {}

  /** Whether nothing earlier is in its way; what is in the same request, ahead of it, is not. */
  mayGoWith(request?: EventBatch): boolean {
    return this.before.every((other) => request !== undefined && other.request === request);
  }
}

const isOfKey = (a: QueuedRecord, b: QueuedRecord): boolean => a.priority === b.priority && a.event.key === b.event.key;

const isOfProfile = (a: QueuedRecord, b: QueuedRecord): boolean => a.event.profileId === b.event.profileId;

const lastOf = (records: readonly QueuedRecord[]): QueuedRecord | undefined =>
  records.reduce<QueuedRecord | undefined>((last, one) => (last && last.place > one.place ? last : one), undefined);

/** Records of a bucket that may go now: those that were tried before go first. */
interface Ready {
  readonly again: Set<QueuedRecord>;
  readonly fresh: Set<QueuedRecord>;
}

/**
 * The records of one destination that are not settled, in the order that counts: a record goes out only when all earlier
 * ones of its key (in its own lane) and of its profile (in both lanes) are settled. So a key with a record in retry holds
 * back its later records, and no other key's.
 */
export class OrderedQueue {
  private readonly ready: Record<Priority, Map<string, Ready>> = { live: new Map(), slow: new Map() };
  private readonly resting = new Set<QueuedRecord>();
  private readonly lastOfKey: Record<Priority, Map<string, QueuedRecord>> = { live: new Map(), slow: new Map() };
  private readonly lastOfProfile = new Map<string, QueuedRecord>();
  /** Of the slow lane, by profile: what a newer live change makes needless. */
  private readonly slowOfProfile = new Map<string, Set<QueuedRecord>>();
  private readonly held: Record<Priority, { records: number; bytes: number }> = {
    live: { records: 0, bytes: 0 },
    slow: { records: 0, bytes: 0 },
  };

  private readonly unsettled = new Set<QueuedRecord>();
  private added = 0;

  /** `atomic`: a request lands whole or not at all, so that it may hold several records of a key. */
  constructor(private readonly atomic: boolean) {}

  add(record: QueuedRecord): void {
    const { event, priority } = record;
    const earlier = [this.lastOfKey[priority].get(event.key), this.lastOfProfile.get(event.profileId)];
    record.place = this.added += 1;
    this.unsettled.add(record);
    for (const other of earlier) if (other) follow(record, other);
    this.lastOfKey[priority].set(event.key, record);
    this.lastOfProfile.set(event.profileId, record);
    if (priority === 'slow') {
      const same = this.slowOfProfile.get(event.profileId) ?? new Set();
      this.slowOfProfile.set(event.profileId, same.add(record));
    }
    this.held[priority].records += 1;
    this.held[priority].bytes += event.data.byteLength;
    if (record.before.length === 0) this.makeReady(record, 'fresh');
  }

  holds(priority: Priority): { readonly records: number; readonly bytes: number } {
    return this.held[priority];
  }

  hasReady(priority: Priority): boolean {
    return this.ready[priority].size > 0;
  }

  /** A bucket with something to send, the one that waits longest; who asks next gets another one where there is one. */
  nextBucket(priority: Priority): string | undefined {
    const buckets = this.ready[priority];
    for (const [bucket, waiting] of buckets) {
      buckets.delete(bucket);
      buckets.set(bucket, waiting);
      return bucket;
    }
    return undefined;
  }

  /** Fills a request from a bucket. What fits into no request is `tooLarge`: the caller settles it. */
  fill(
    request: EventBatch,
    priority: Priority,
    bucket: string,
  ): { readonly taken: readonly QueuedRecord[]; readonly tooLarge: readonly QueuedRecord[] } {
    const waiting = this.ready[priority].get(bucket);
    const taken: QueuedRecord[] = [];
    const tooLarge: QueuedRecord[] = [];
    if (!waiting) return { taken, tooLarge };
    const candidates = [...waiting.again, ...waiting.fresh];
    for (const record of candidates) {
      const { eventId, key, data } = record.event;
      const added = request.add({ key, data, properties: { eventId } });
      if (added === 'full') break;
      waiting.again.delete(record);
      waiting.fresh.delete(record);
      record.stage = 'under-way';
      record.request = request;
      if (added === 'too-large') {
        record.request = undefined;
        tooLarge.push(record);
        continue;
      }
      taken.push(record);
      if (this.atomic) candidates.push(...this.followersInto(request, record));
    }
    // Its turn is over: whatever is left goes behind the other buckets.
    this.ready[priority].delete(bucket);
    if (waiting.again.size + waiting.fresh.size > 0) this.ready[priority].set(bucket, waiting);
    return { taken, tooLarge };
  }

  private followersInto(request: EventBatch, record: QueuedRecord): readonly QueuedRecord[] {
    return record.after.filter(
      (later) =>
        later.stage === 'waiting' &&
        later.priority === record.priority &&
        later.bucket === record.bucket &&
        later.mayGoWith(request),
    );
  }

  /**
   * Sent, given up or needless: the next of its key and profile may go, unless it was needless before its own turn came; then
   * they wait for what it waited for.
   */
  settle(record: QueuedRecord): void {
    const { event, priority, before, after } = record;
    this.leave(record);
    this.unsettled.delete(record);
    record.stage = 'settled';
    record.request = undefined;
    const ofKey = before.filter((earlier) => isOfKey(earlier, record));
    const ofProfile = before.filter((earlier) => isOfProfile(earlier, record));
    replace(this.lastOfKey[priority], event.key, record, lastOf(ofKey));
    replace(this.lastOfProfile, event.profileId, record, lastOf(ofProfile));
    if (priority === 'slow') {
      const same = this.slowOfProfile.get(event.profileId);
      same?.delete(record);
      if (same?.size === 0) this.slowOfProfile.delete(event.profileId);
    }
    this.held[priority].records -= 1;
    this.held[priority].bytes -= event.data.byteLength;
    // Chains of settled records must not keep each other in memory.
    record.before = [];
    record.after = [];
    for (const earlier of before) earlier.after = earlier.after.filter((other) => other !== record);
    for (const later of after) {
      later.before = later.before.filter((other) => other !== record);
      if (isOfKey(later, record)) for (const earlier of ofKey) follow(later, earlier);
      if (isOfProfile(later, record)) for (const earlier of ofProfile) follow(later, earlier);
      if (later.stage === 'waiting' && later.before.length === 0) this.makeReady(later, 'fresh');
    }
  }

  /** Nobody needs to be told it any more. */
  drop(record: QueuedRecord): void {
    record.page.needless();
    this.settle(record);
  }

  /** To be tried again at a time. */
  rest(record: QueuedRecord, until: number): void {
    record.stage = 'resting';
    record.request = undefined;
    record.restsUntil = until;
    this.resting.add(record);
  }

  /** Wakes those whose rest is over; answers when the next one is due. */
  wake(now: number): number {
    let next = Infinity;
    for (const record of this.resting) {
      if (record.restsUntil > now) {
        next = Math.min(next, record.restsUntil);
        continue;
      }
      this.resting.delete(record);
      if (record.mayGoWith()) this.makeReady(record, 'again');
      else record.stage = 'waiting';
    }
    return next;
  }

  /** Records that are told no more; one in a request is past recall, and marked. */
  erased(isErased: IsErased): readonly QueuedRecord[] {
    const erased = [...this.unsettled].filter(({ event }) => isErased(event));
    for (const record of erased) record.isErased = true;
    return erased.filter(({ stage }) => stage !== 'under-way');
  }

  /** Records of the slow lane that a live change of the profile makes needless; one in a request is past recall. */
  neededNoMore(profileId: string, change: number): readonly QueuedRecord[] {
    return [...(this.slowOfProfile.get(profileId) ?? [])].filter(
      ({ stage, event }) => stage !== 'under-way' && event.change <= change,
    );
  }

  private makeReady(record: QueuedRecord, when: keyof Ready): void {
    const buckets = this.ready[record.priority];
    const waiting = buckets.get(record.bucket) ?? { again: new Set(), fresh: new Set() };
    buckets.set(record.bucket, waiting);
    waiting[when].add(record);
    record.stage = 'ready';
  }

  private leave(record: QueuedRecord): void {
    this.resting.delete(record);
    const buckets = this.ready[record.priority];
    const waiting = buckets.get(record.bucket);
    if (!waiting || record.stage !== 'ready') return;
    waiting.again.delete(record);
    waiting.fresh.delete(record);
    if (waiting.again.size + waiting.fresh.size === 0) buckets.delete(record.bucket);
  }
}

const follow = (later: QueuedRecord, earlier: QueuedRecord): void => {
  if (later.before.includes(earlier)) return;
  later.before.push(earlier);
  earlier.after.push(later);
};

const replace = (
  lasts: Map<string, QueuedRecord>,
  of: string,
  last: QueuedRecord,
  earlier: QueuedRecord | undefined,
): void => {
  if (lasts.get(of) !== last) return;
  if (earlier) lasts.set(of, earlier);
  else lasts.delete(of);
};
