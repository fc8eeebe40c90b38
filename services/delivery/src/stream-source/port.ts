import { createHash } from 'node:crypto';
import type { CommandContext } from '@waybill/kernel';
import type { SegmentFacts } from './settings.js';

/** What a destination is to be told of one profile, ready to be sent. */
export interface ProfileEvent {
  /** The change of the audience that it tells of; also its sequence: of two events of a profile the later one is not the smaller. */
  readonly change: number;
  readonly profileId: string;
  /** Same on every retry, after a crash too: made from destination, profile, change and lane. */
  readonly eventId: string;
  /** The partition key. */
  readonly key: string;
  readonly data: Uint8Array;
  /** How many segments it tells that the profile has left; none when left out. */
  readonly exits?: number;
}

/** A change that cannot be sent, with its reason: it goes to the dead letters. */
export interface UnsendableEvent {
  readonly change: number;
  readonly profileId: string;
  readonly eventId: string;
  readonly code: string;
  readonly message: string;
}

export interface EventsPage {
  /** In the order of their changes; of one profile in order. */
  readonly events: readonly (ProfileEvent | UnsendableEvent)[];
  /** Everything up to here has been looked at, whether it led to an event or not: go on from it. */
  readonly reached: string;
  readonly more: boolean;
  /** Changes taken up that led to no event, by reason. */
  readonly leftOut: Readonly<Record<string, number>>;
}

/** Profiles are shared out by a hash of their id: share `n` of `of`. */
export interface Share {
  readonly of: number;
  readonly shares: readonly number[];
}

/** What a page is read for. `context` carries tenant and sandbox. */
export interface EventsQuestion {
  readonly destinationId: string;
  readonly context: CommandContext;
  readonly share: Share;
  readonly max: number;
  readonly signal: AbortSignal;
}

/**
 * Where the events of a destination come from. Positions are opaque, and belong to one destination and lane.
 *
 * Statuses are those of the change, attributes and identities those of the reading. So that no profile's older state
 * follows a newer one, read the lanes of a share one after the other, queue a page before the next is read, and drop an
 * event of `backfill` or `replay` when a live one of the same profile with a larger `change` was queued meanwhile.
 *
 * Errors (WaybillError): `activation-unheard` (unavailable: audience hears of the activation in a moment),
 * `changes-forgotten` (conflict: the destination was away for longer than changes are kept), `destination-not-found`,
 * and those of the database.
 */
export interface StreamSource {
  /** Live changes after a position; `null`: from the activation on. */
  live(question: EventsQuestion, after: string | null): Promise<EventsPage>;
  /**
   * The members that were there when the segment was activated, in the order of their ids, as they are now; those whose
   * membership changed since are told live. `live` is how far the live lane of the same shares has come: until it has
   * passed the activation the page is empty with `more`, so ask again after the live lane got on. Left out: without that
   * order between the lanes.
   */
  backfill(
    question: EventsQuestion,
    segmentId: string,
    after: string | null,
    live?: string | null,
  ): Promise<EventsPage>;
  /**
   * The first members of a segment as they are now, as its backfill would tell them, whether it is active or not. `watermark`
   * is that of the sandbox.
   */
  preview(question: Omit<EventsQuestion, 'share'>, segment: SegmentFacts, watermark: number): Promise<EventsPage>;
  /**
   * Profiles as they are at one moment, for a redelivery marked `replay: true`; without those of whom there is nothing to tell
   * any more. Event ids follow from `context.commandId`: give each redelivery its own, and keep it on a retry.
   */
  replay(
    question: Omit<EventsQuestion, 'share' | 'max'>,
    profileIds: readonly string[],
    live?: string | null,
  ): Promise<EventsPage['events']>;
}

/** Which of `of` shares a profile is in. */
export const shareOf = (profileId: string, of: number): number => sha256(profileId).readUInt16BE(0) % of;

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
