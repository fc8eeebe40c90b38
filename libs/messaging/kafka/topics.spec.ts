import { untilKnown } from './topics.js';

describe('topics that were just made', () => {
  it('are asked for until the broker knows of all of them', async () => {
    const answers = [[], ['one'], ['one', 'two']];
    const count = () => Promise.resolve(new Map(answers.shift()!.map((name) => [name, 3])));
    expect(await untilKnown(['one', 'two'], 60_000, count)).toEqual(
      new Map([
        ['one', 3],
        ['two', 3],
      ]),
    );
    expect(answers).toEqual([]);
  });

  it('are missing when the time is over, and what is known is said', async () => {
    const known = new Map([['one', 3]]);
    expect(await untilKnown(['one', 'two'], 150, () => Promise.resolve(known))).toBe(known);
  });

  it('do not outwait what fails', async () => {
    await expect(untilKnown(['one'], 60_000, () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  });
});
