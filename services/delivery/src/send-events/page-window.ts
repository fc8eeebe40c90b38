import type { ProfileEvent } from '../stream-source/port.js';
import type { IsErased } from './erased-profiles.js';
import type { DeadLetter, Feed, FeedPage, Settlement, Tally } from './feed.js';

/**
 * A page on its way: where it ends, how many of its records are not settled yet, and what became of the others. It outlives its
 * events by far when a page before it waits.
 */
export class OpenPage {
  deadLetters: DeadLetter[] = [];
  readonly records: number;
  reached: string;
  more: boolean;
  unsettled: number;
  private written = 0;
  private exited = 0;
  private skipped: number;

  constructor(page: FeedPage) {
    this.records = page.events.length;
    this.unsettled = page.events.length;
    this.reached = page.reached;
    this.more = page.more;
    this.skipped = leftOutOf(page);
  }

  /** A page that nothing is to be sent of ends here too. */
  endsWith(page: FeedPage): void {
    this.reached = page.reached;
    this.more = page.more;
    this.skipped += leftOutOf(page);
  }

  sent({ exits = 0 }: ProfileEvent): void {
    this.written += 1;
    this.exited += exits;
    this.unsettled -= 1;
  }

  /** No need to send it any more: a newer state of the profile was, or the profile is gone. */
  needless(): void {
    this.skipped += 1;
    this.unsettled -= 1;
  }

  givenUp(letter: DeadLetter): void {
    this.deadLetters.push(letter);
    this.unsettled -= 1;
  }

  /** Letters that are nobody's any more. */
  forget(isErased: IsErased): void {
    const left = this.deadLetters.filter((letter) => !isErased(letter));
    this.skipped += this.deadLetters.length - left.length;
    this.deadLetters = left;
  }

  get tally(): Tally {
    const { written, skipped, exited } = this;
    const failed = this.deadLetters.length;
    return { read: written + skipped + failed, written, skipped, failed, exited };
  }
}

const leftOutOf = ({ leftOut }: FeedPage): number => Object.values(leftOut).reduce((sum, count) => sum + count, 0);

export const NO_TALLY: Tally = { read: 0, written: 0, skipped: 0, failed: 0, exited: 0 };

export const addTally = (a: Tally, b: Tally): Tally => ({
  read: a.read + b.read,
  written: a.written + b.written,
  skipped: a.skipped + b.skipped,
  failed: a.failed + b.failed,
  exited: a.exited + b.exited,
});

/** Its letters of erased profiles count as skipped. */
export const withoutErased = (settlement: Settlement, isErased: IsErased): Settlement => {
  const { tally } = settlement;
  const deadLetters = settlement.deadLetters.filter((letter) => !isErased(letter));
  const gone = settlement.deadLetters.length - deadLetters.length;
  return {
    ...settlement,
    deadLetters,
    tally: { ...tally, skipped: tally.skipped + gone, failed: tally.failed - gone },
  };
};

/** The pages of one feed in their order. Its position moves only past pages that are settled, and never past a gap. */
export class PageWindow {
  readonly pages: OpenPage[] = [];
  /** Of these pages, settled or not: what would be sent again if it all began anew. */
  records = 0;

  constructor(readonly feed: Feed) {}

  open(page: FeedPage): OpenPage {
    const last = this.pages.at(-1);
    if (last && page.events.length === 0) {
      last.endsWith(page);
      return last;
    }
    const opened = new OpenPage(page);
    this.pages.push(opened);
    this.records += opened.records;
    return opened;
  }

  /** Takes the settled pages at the front out; undefined when the first page still waits. */
  settled(): Settlement | undefined {
    const open = this.pages.findIndex(({ unsettled }) => unsettled > 0);
    const done = this.pages.splice(0, open === -1 ? this.pages.length : open);
    const last = done.at(-1);
    if (!last) return undefined;
    this.records -= done.reduce((sum, { records }) => sum + records, 0);
    return {
      feed: this.feed,
      reached: last.reached,
      more: last.more,
      tally: done.reduce((sum, { tally }) => addTally(sum, tally), NO_TALLY),
      deadLetters: done.flatMap(({ deadLetters }) => deadLetters),
    };
  }
}
