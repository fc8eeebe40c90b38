import { jest } from '@jest/globals';
import { register } from 'prom-client';
import { gauge } from './metrics.js';

const valuesOf = (text: string, name: string): readonly string[] =>
  text.split('\n').filter((line) => line.startsWith(name));
const failuresOf = async (metric: string) =>
  valuesOf(await register.metrics(), `waybill_metric_failures_total{metric="${metric}"}`);

describe('a number that is asked for when metrics are read', () => {
  afterEach(() => jest.useRealTimers());

  it('is left out, and counted as missing, when it cannot be had, and all others are told', async () => {
    let away = true;
    gauge('sometimes', 'h', ['of'], async (metric) => {
      metric.set({ of: 'before' }, 1);
      if (away) throw new Error('the database is away');
    });
    gauge('always', 'h', ['of'], (metric) => metric.set({ of: 'here' }, 2));
    const text = await register.metrics();
    expect(valuesOf(text, 'sometimes')).toEqual([]);
    expect(valuesOf(text, 'always')).toEqual(['always{of="here"} 2']);
    expect(await failuresOf('sometimes')).toEqual([expect.stringMatching(/ [12]$/)]);
    expect(await failuresOf('always')).toEqual([expect.stringMatching(/ 0$/)]);

    away = false;
    expect(valuesOf(await register.metrics(), 'sometimes')).toEqual(['sometimes{of="before"} 1']);
  });

  it('is not waited for where its source hangs, which is asked once and not by each who reads', async () => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick', 'performance'] });
    let asked = 0;
    let answer = (): void => undefined;
    gauge('hangs', 'h', ['of'], async (metric) => {
      asked += 1;
      await new Promise<void>((resolve) => (answer = resolve));
      metric.set({ of: 'late' }, 1);
    });
    for (let reader = 0; reader < 3; reader++) {
      const text = register.metrics();
      await jest.advanceTimersByTimeAsync(60_000);
      expect(valuesOf(await text, 'hangs')).toEqual([]);
    }
    expect(asked).toBe(1);
    answer();
    await jest.advanceTimersByTimeAsync(0);
    const again = register.metrics();
    answer();
    await jest.advanceTimersByTimeAsync(0);
    answer();
    expect(valuesOf(await again, 'hangs')).toEqual(['hangs{of="late"} 1']);
  });
});
