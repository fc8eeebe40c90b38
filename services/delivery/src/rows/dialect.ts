/** Why a cell cannot stand in a file, and its row is left out. */
export const FORMULA = -1;
export const UNQUOTABLE = -2;

/**
 * How rows become the bytes of a file: what stands before the cell of each column, the cell, and behind the last one the
 * end. Cells come in COPY's text format, and most are written byte by byte as they come.
 */
export interface Dialect {
  readonly header: Uint8Array;
  readonly before: readonly Uint8Array[];
  /** Ends the cell of a time; null where none can be written, since it holds the delimiter. */
  readonly afterTime: Uint8Array | null;
  readonly end: Uint8Array;
  /** Whether there are cells that cannot be written, so that their row is left out: FORMULA, UNQUOTABLE, a time. */
  readonly refuses: boolean;
  /** The cell of SQL null, and that of no bytes. */
  readonly nullCell: Uint8Array;
  readonly emptyCell: Uint8Array;
  /** The cells that come and mean nothing, beside these two. */
  readonly blankCells: readonly Uint8Array[];
  /** By byte: ANYWHERE or FIRST in a cell where it makes the cell one for `write`. */
  readonly special: Uint8Array;
  /** Writes a cell; answers where it ends, or FORMULA or UNQUOTABLE. Bytes that find no room are dropped. */
  readonly write: (from: Buffer, start: number, end: number, to: Buffer, at: number) => number;
}

export const ANYWHERE = 1;
export const FIRST = 2;
