import { gather } from './gather.js';

describe('gathered work', () => {
  it('takes together what comes while something is under way, and not more than it may', async () => {
    const calls: (readonly number[])[] = [];
    const gates: (() => void)[] = [];
    const add = gather<number>((items) => {
      calls.push(items);
      return new Promise((resolve) => gates.push(resolve));
    }, 3);
    const added = [1, 2, 3, 4, 5].map(add);
    while (calls.length < 3) {
      gates.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    gates.forEach((open) => open());
    await Promise.all(added);
    expect(calls).toEqual([[1], [2, 3, 4], [5]]);
  });

  it('rejects the bad one alone', async () => {
    const add = gather<string>((items) =>
      items.includes('bad') ? Promise.reject(new Error('cannot be')) : Promise.resolve(),
    );
    const outcomes = await Promise.allSettled(['a', 'b', 'bad', 'c'].map(add));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
  });
});
