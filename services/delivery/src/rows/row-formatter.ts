import type { Column } from './columns.js';
import { isNull, LF, TAB, textOf } from './copy-text.js';
import { ANYWHERE, type Dialect, FIRST, FORMULA } from './dialect.js';
import type { RowKey, RowsQuery } from './query.js';
import { RunningTally, type SkipReason } from './tally.js';

const OUTPUT_BYTES = 256 * 1024;
/** Beyond it, for the row that fills the output; larger rows make it grow. */
const SPARE_BYTES = 64 * 1024;
const SPACE_AT = 10;
const UTC_BYTES = '+00'.length;
const T = 84;
const TRUE = 116;
const QUOTE = 34;
/** Tells `exited` from `realized`. */
const E = 101;

/**
 * Turns rows of COPY's text format into rows of a file. A million rows go through here, so it works on bytes: a cell is
 * copied and looked at in one pass, and only one with a special byte in it is done over by the dialect.
 */
export class RowFormatter {
  readonly tally = new RunningTally();
  /** Of the last row that was written. */
  lastKey: RowKey | null = null;
  #out = Buffer.allocUnsafeSlow(OUTPUT_BYTES + SPARE_BYTES);
  #length = 0;
  /** Where the row after the one just written begins, and whether that one says that somebody exited. */
  #next = 0;
  #exited = false;
  readonly #statusAt: number;

  constructor(
    readonly columns: readonly Column[],
    readonly dialect: Dialect,
    readonly query: Pick<RowsQuery, 'keyColumns' | 'deduplicates'>,
    readonly onSkipped: (key: () => RowKey, reason: SkipReason) => void = () => undefined,
  ) {
    this.#statusAt = columns.findIndex(({ source }) => source.kind === 'segment' && source.field === 'status');
  }

  /**
   * Formats whole rows from the begin of `rows`, until `limit` were written or the output is full; answers how many bytes
   * it took. What it left, and what follows, is to be given again.
   */
  format(rows: Buffer, limit: number): number {
    const end = rows.lastIndexOf(LF) + 1;
    let at = 0;
    let lastWritten = -1;
    for (let written = 0; at < end && written < limit && this.#length < OUTPUT_BYTES;) {
      const before = this.#length;
      const skip = this.#row(rows, at);
      if (this.#length > this.#out.length) {
        // Bytes beyond the end of an array are dropped. It takes a row of tens of kilobytes to get there: once more, with room.
        this.#grow(before, this.#length);
        this.#length = before;
        continue;
      }
      if (skip) {
        const start = at;
        this.#length = before;
        this.#next = rows.indexOf(LF, at) + 1;
        this.tally.skip(skip);
        this.onSkipped(() => this.#keyAt(rows, start), skip);
      } else {
        written++;
        lastWritten = at;
        this.tally.written++;
        if (this.#exited) this.tally.exited++;
      }
      at = this.#next;
    }
    if (lastWritten !== -1) this.lastKey = this.#keyAt(rows, lastWritten);
    return at;
  }

  /** What was formatted since it was last taken. */
  take(): Buffer {
    const taken = this.#out.subarray(0, this.#length);
    this.#out = Buffer.allocUnsafeSlow(OUTPUT_BYTES + SPARE_BYTES);
    this.#length = 0;
    return taken;
  }

  /** Forgets what was formatted, for who wants to know only which rows are written. */
  drop(): void {
    this.#length = 0;
  }

  /** Bytes to be taken. */
  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length >= OUTPUT_BYTES;
  }

  #row(rows: Buffer, start: number): SkipReason | undefined {
    const { columns, dialect, query } = this;
    const { special, before } = dialect;
    const out = this.#out;
    let length = this.#length;
    let at = start;
    for (let keys = query.keyColumns; keys > 0; keys--) while (rows[at++] !== TAB);
    if (query.deduplicates) {
      if (rows[at] === TRUE) return { reason: 'duplicate' };
      at += 2;
    }

    for (let index = 0; index < columns.length; index++) {
      const column = columns[index] as Column;
      length = append(out, length, before[index] as Uint8Array);
      const cell = at;
      const cellOut = length;
      let byte = rows[at] as number;
      if (column.kind === 'time') {
        if (dialect.afterTime === null) return { reason: 'unquotable', column: column.name };
        for (; byte !== TAB && byte !== LF; byte = rows[++at] as number) out[length++] = byte;
        out[cellOut + SPACE_AT] = T;
        length = append(out, length - UTC_BYTES, dialect.afterTime);
      } else {
        // The one loop that is long: most bytes are plain.
        if (special[byte] !== FIRST) {
          for (; special[byte] !== ANYWHERE; byte = rows[++at] as number) out[length++] = byte;
        }
        if (byte !== TAB && byte !== LF) {
          // LF and TAB end a cell; inside of one they stand behind a backslash as letters.
          while (byte !== TAB && byte !== LF) byte = rows[++at] as number;
          if (isNull(rows, cell, at)) {
            if (column.required) return { reason: 'required', column: column.name };
            length = append(out, cellOut, dialect.nullCell);
          } else {
            length = dialect.write(rows, cell, at, out, cellOut);
            if (length < 0) return { reason: length === FORMULA ? 'formula' : 'unquotable', column: column.name };
          }
        } else if (column.required && this.#isBlank(rows, cell, at)) {
          return { reason: 'required', column: column.name };
        } else if (length === cellOut) {
          length = append(out, length, dialect.emptyCell);
        }
      }
      if (index === this.#statusAt) this.#exited = rows[rows[cell] === QUOTE ? cell + 1 : cell] === E;
      at++;
    }
    this.#length = append(out, length, dialect.end);
    this.#next = at;
    return undefined;
  }

  #isBlank(rows: Buffer, start: number, end: number): boolean {
    if (start === end) return true;
    return this.dialect.blankCells.some((blank) => rows.compare(blank, 0, blank.length, start, end) === 0);
  }

  #grow(kept: number, needed: number): void {
    const grown = Buffer.allocUnsafeSlow(needed + SPARE_BYTES);
    this.#out.copy(grown, 0, 0, kept);
    this.#out = grown;
  }

  #keyAt(rows: Buffer, start: number): RowKey {
    const keys: string[] = [];
    let at = start;
    for (let left = this.query.keyColumns; left > 0; left--) {
      const end = rows.indexOf(TAB, at);
      if (!isNull(rows, at, end)) keys.push(textOf(rows, at, end));
      at = end + 1;
    }
    return keys as unknown as RowKey;
  }
}

const append = (out: Buffer, at: number, bytes: Uint8Array): number => {
  for (let index = 0; index < bytes.length; index++) out[at + index] = bytes[index] as number;
  return at + bytes.length;
};
