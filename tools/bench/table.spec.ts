import { alternate, durations, median, rates } from './result.js';
import { isMissed, tableOf } from './table.js';

const against = { baseline: 100, baselineName: 'INSERT', unit: 'events/s' };

describe('A benchmark', () => {
  it('takes the middle of an odd, and the mean of the two in the middle of an even number of rounds', () => {
    expect(median([9, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 9])).toBe(3);
    expect(() => median([])).toThrow('at least one');
  });

  it('runs both sides in turn', async () => {
    const turns: string[] = [];
    const side = (name: string, values: number[]) => async () => (turns.push(name), values.shift() ?? 0);
    expect(await alternate(3, side('ours', [1, 5, 3]), side('baseline', [2, 2, 8]))).toEqual({ ours: 3, baseline: 2 });
    expect(turns.join()).toBe('baseline,ours,baseline,ours,baseline,ours');
  });

  it('counts a higher rate and a shorter time as faster', () => {
    expect(rates({ name: 'append', ours: 80, ...against }).ratio).toBe(0.8);
    expect(durations({ name: 'append', ours: 200, ...against }).ratio).toBe(0.5);
  });
});

describe('The table', () => {
  const row = (ours: number) => rates({ name: 'append', ours, ...against, budget: { kind: 'ratio', atLeast: 0.7 } });

  it('says which budgets are missed, by ratio, by difference and by value', () => {
    expect([row(70), row(69)].map(isMissed)).toEqual([false, true]);
    const time = { name: 'p50', baseline: 1, unit: 'ms', budget: { kind: 'difference', atMost: 3 } } as const;
    expect(
      [
        { ...time, ours: 4 },
        { ...time, ours: 4.1 },
      ].map(isMissed),
    ).toEqual([false, true]);
    const memory = { name: 'memory', unit: 'MB', budget: { kind: 'value', atMost: 300 } } as const;
    expect(
      [
        { ...memory, ours: 300 },
        { ...memory, ours: 301 },
      ].map(isMissed),
    ).toEqual([false, true]);
  });

  it('is Markdown in columns of one width, and names what did not run', () => {
    expect(tableOf([row(69.123), { name: 's3', notRun: 'no versitygw' }])).toBe(
      [
        '| measured               | ours | baseline | unit     |  ratio |  budget |        |',
        '| ---------------------- | ---: | -------: | -------- | -----: | ------: | ------ |',
        '| append, against INSERT | 69.1 |      100 | events/s | 0.69 × | ≥ 0.7 × | missed |',
        '',
        '- Not run: s3: no versitygw',
      ].join('\n'),
    );
  });
});
