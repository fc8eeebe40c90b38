/** What a measurement must hold: `ratio` at least, or (smaller is better) ours above the baseline, or ours alone, at most, in the row's unit. */
export type Budget =
  | { readonly kind: 'ratio'; readonly atLeast: number }
  | { readonly kind: 'difference'; readonly atMost: number }
  | { readonly kind: 'value'; readonly atMost: number };

/** Both sides measured in the same run on the same machine; each number a median of at least three rounds. */
export interface Measured {
  /** What was measured, with its size: `500 MB to OpenSSH, native cipher`. */
  readonly name: string;
  readonly ours: number;
  /** Absent only beside a budget of kind `value`. */
  readonly baseline?: number;
  /** What the baseline is: `sftp put`. */
  readonly baselineName?: string;
  /** Speed against the baseline: above 1 is faster, whichever way the unit counts. */
  readonly ratio?: number;
  readonly budget?: Budget;
  /** `MiB/s`, `events/s`, `rows/s`, `ms`, `MB`. */
  readonly unit: string;
}

/** A measurement whose counterpart cannot be had on this machine. */
export interface NotRun {
  readonly name: string;
  readonly notRun: string;
}

export type BenchRow = Measured | NotRun;

export interface BenchOptions {
  /** Rounds of each side; at least 3. */
  readonly rounds: number;
  /** Also the runs that take minutes (10 M rows). */
  readonly large: boolean;
  /** One line about what goes on, for the person who waits. */
  readonly progress: (line: string) => void;
}

/** One bench: a function that measures and cleans up after itself. Listed in main.ts. */
export type Bench = (options: BenchOptions) => Promise<readonly BenchRow[]>;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new Error('A median needs at least one value.');
  return (low + high) / 2;
};

/** Runs both sides in turn, so that a noisy machine hits both, and answers the median of each. */
export const alternate = async (
  rounds: number,
  ours: () => Promise<number>,
  baseline: () => Promise<number>,
): Promise<{ readonly ours: number; readonly baseline: number }> => {
  const measured: { readonly ours: number[]; readonly baseline: number[] } = { ours: [], baseline: [] };
  for (let round = 0; round < rounds; round++) {
    measured.baseline.push(await baseline());
    measured.ours.push(await ours());
  }
  return { ours: median(measured.ours), baseline: median(measured.baseline) };
};

type Comparison = Required<Pick<Measured, 'name' | 'ours' | 'baseline' | 'baselineName' | 'unit'>> &
  Pick<Measured, 'budget'>;

/** A row of rates, where more is better. */
export const rates = (row: Comparison): Measured => ({ ...row, ratio: row.ours / row.baseline });

/** A row of durations, where less is better. */
export const durations = (row: Comparison): Measured => ({ ...row, ratio: row.baseline / row.ours });
