import type { ProfileEvent, UnsendableEvent } from '../stream-source/port.js';

/** Live changes go first; backfills and redeliveries take what is left. */
export type Priority = 'live' | 'slow';

export interface FeedPage {
  readonly events: readonly (ProfileEvent | UnsendableEvent)[];
  /** What the feed itself goes on from once all of the page is settled. */
  readonly reached: string;
  readonly more: boolean;
  readonly leftOut: Readonly<Record<string, number>>;
}

/** What is read for one lane of a destination, page after page: live changes of some shares, a backfill, a redelivery. */
export interface Feed {
  readonly name: string;
  readonly priority: Priority;
  /** Ends when a page says that there is no more; else it is asked again after a while. */
  readonly ends: boolean;
  read(max: number, signal: AbortSignal): Promise<FeedPage>;
}

/** A record that was given up, or could not be sent at all. */
export interface DeadLetter {
  readonly eventId: string;
  readonly change: number;
  readonly profileId: string;
  readonly code: string;
  readonly message: string;
  readonly attempts: number;
}

/** What became of the changes that a feed had taken up: `read` is the sum of the next three. */
export interface Tally {
  readonly read: number;
  readonly written: number;
  readonly skipped: number;
  readonly failed: number;
  /** Segments left, as the written ones tell. */
  readonly exited: number;
}

/** Pages of a feed that are settled to the last record, since the settlement before. */
export interface Settlement {
  readonly feed: Feed;
  readonly reached: string;
  /** Of the last of these pages. */
  readonly more: boolean;
  readonly tally: Tally;
  readonly deadLetters: readonly DeadLetter[];
}

/** Keeps settlements, all or none. */
export type Settle = (settlements: readonly Settlement[]) => Promise<void>;
