import fc from 'fast-check';
import { shareOf } from './port.js';
import { laterOf, passedOf, readPosition, writePosition } from './positions.js';

describe('The position of a stream', () => {
  it('is read as it was written, whatever an id holds', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), (change, profileId) => {
        expect(readPosition(writePosition({ change, profileId }))).toEqual({ change, profileId });
      }),
    );
    expect(writePosition({ change: 12, profileId: 'a/b' })).toBe('12/a/b');
    expect(() => readPosition('x')).toThrow('not a position');
  });

  it('inside of a change is later than that before it', () => {
    const inside = { change: 12, profileId: 'a' };
    expect(laterOf({ change: 12, profileId: '' }, inside)).toBe(inside);
    expect(laterOf({ change: 13, profileId: '' }, inside)).toEqual({ change: 13, profileId: '' });
  });

  it('inside of a change has passed it for the profiles up to there, in the order of bytes, and for no others', () => {
    const inside = { change: 12, profileId: '\uff5e' };
    expect(['a', '\uff5e', '\u{1f600}'].map((profileId) => passedOf(inside, profileId))).toEqual([13, 13, 12]);
    expect(passedOf({ change: 12, profileId: '' }, 'a')).toBe(12);
  });
});

it('Shares are even, and for ever the same', () => {
  expect(['a', 'ü', 'user@example.com'].map((id) => shareOf(id, 64))).toEqual([23, 52, 9]);
  const counts = Array.from({ length: 8 }, () => 0);
  for (let n = 0; n < 8000; n += 1) counts[shareOf(`user${n}`, 8)]! += 1;
  expect(Math.min(...counts)).toBeGreaterThan(850);
});
