import type { CommandContext } from '@waybill/kernel';

/** What a destination is to be told of one profile, ready to be sent. */
export interface ProfileEvent {
  /** The change of the audience that it tells of; also its sequence: of two events of a profile the later one is the larger. */
  readonly change: number;
  readonly profileId: string;
  /** Same on every retry, after a crash too: made from destination, profile, change and lane. */
  readonly eventId: string;
  /** The partition key. */
  readonly key: string;
  readonly data: Uint8Array;
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

/** Where the events of a destination come from. Positions are opaque, and belong to one destination and lane. */
export interface StreamSource {
  /** Live changes after a position; `null`: from the activation on. */
  live(question: EventsQuestion, after: string | null): Promise<EventsPage>;
  /** The members that were there when the segment was activated, in the order of their ids, as they are now. */
  backfill(question: EventsQuestion, segmentId: string, after: string | null): Promise<EventsPage>;
  /** One profile as it is now, for a redelivery marked `replay: true`. */
  replay(question: Omit<EventsQuestion, 'share' | 'max'>, profileId: string): Promise<ProfileEvent | UnsendableEvent | null>;
}
