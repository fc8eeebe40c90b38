import { inspect } from 'node:util';
import { PageWindow } from './page-window.js';
import { eventOf, memoryFeed } from './testing/memory-feed.js';

const pageOf = (reached: string, profiles: readonly string[], leftOut = 0) => ({
  events: profiles.map((profileId) => eventOf(profileId, 1)),
  reached,
  more: false,
  leftOut: { unchanged: leftOut },
});

describe('The window of a feed', () => {
  it('keeps no event of a page, only what became of them', () => {
    const window = new PageWindow(memoryFeed([]));
    window.open(pageOf('1', ['somebody']));
    expect(inspect(window, { depth: Infinity })).not.toContain('somebody');
    expect(window.records).toBe(1);
  });

  it('lets a page without events end with the one before it, however many there are', () => {
    const window = new PageWindow(memoryFeed([]));
    const first = window.open(pageOf('1', ['p'], 1));
    for (let n = 2; n <= 1_000; n += 1) window.open(pageOf(String(n), [], 2));
    expect(window.pages).toHaveLength(1);
    expect(window.settled()).toBeUndefined();
    first.sent(eventOf('p', 1));
    expect(window.settled()).toMatchObject({ reached: '1000', tally: { read: 2_000, written: 1, skipped: 1_999 } });
    expect(window.records).toBe(0);
  });
});
