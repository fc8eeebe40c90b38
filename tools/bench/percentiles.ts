import type { Budget, Measured } from './result.js';

/** Rows of how long something took: half of the times were as short, and all but one in a hundred. */
export const percentiles = (name: string, milliseconds: readonly number[], p50?: Budget): readonly Measured[] => {
  const sorted = [...milliseconds].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? NaN;
  return [
    { name: `${name}, p50`, ours: at(0.5), unit: 'ms', ...(p50 && { budget: p50 }) },
    { name: `${name}, p99`, ours: at(0.99), unit: 'ms' },
  ];
};
