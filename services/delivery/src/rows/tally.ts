import type { RunCounts } from '@waybill/contracts';

/** Why rows are left out. `column` is the one at fault. */
export type SkipReason =
  | { readonly reason: 'required' | 'formula' | 'unquotable'; readonly column: string }
  | { readonly reason: 'duplicate' };

export interface Tally {
  /** Rows; `exited` are those among the written ones that say so. */
  readonly counts: RunCounts;
  /** `required:email`, `formula:name`, `unquotable:name`, `duplicate`. */
  readonly skippedBecause: Readonly<Record<string, number>>;
}

export const nameOf = (skip: SkipReason): string => ('column' in skip ? `${skip.reason}:${skip.column}` : skip.reason);

export class RunningTally {
  written = 0;
  exited = 0;
  readonly #skipped = new Map<string, number>();

  skip(reason: SkipReason): void {
    const name = nameOf(reason);
    this.#skipped.set(name, (this.#skipped.get(name) ?? 0) + 1);
  }

  /** As it stands. */
  get now(): Tally {
    const skipped = [...this.#skipped.values()].reduce((sum, rows) => sum + rows, 0);
    return {
      counts: { read: this.written + skipped, written: this.written, skipped, failed: 0, exited: this.exited },
      skippedBecause: Object.fromEntries(this.#skipped),
    };
  }
}
