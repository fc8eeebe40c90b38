import type pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

const READ_AHEAD_BYTES = 256 * 1024;

/** The rows of a query in COPY's text format, in pieces that end anywhere. */
export const copyOut = (client: pg.PoolClient, sql: string): AsyncIterable<Buffer> =>
  client.query(copyTo(`copy (${sql}) to stdout`, { highWaterMark: READ_AHEAD_BYTES }));

/** Bytes of PostgreSQL's COPY text format: a row ends with LF, a cell with TAB, and BACKSLASH hides either inside a cell. */
export const TAB = 9;
export const LF = 10;
export const BACKSLASH = 92;
const N = 78;

/** What a byte behind a backslash stands for. */
export const UNESCAPED = Uint8Array.from({ length: 256 }, (_, byte) => byte);
for (const [letter, byte] of Object.entries({ b: 8, t: 9, n: 10, v: 11, f: 12, r: 13 })) {
  UNESCAPED[letter.charCodeAt(0)] = byte;
}

export const isNull = (bytes: Buffer, start: number, end: number): boolean =>
  end - start === 2 && bytes[start] === BACKSLASH && bytes[start + 1] === N;

/** A cell as text. */
export const textOf = (bytes: Buffer, start: number, end: number): string => {
  const decoded = Buffer.allocUnsafe(end - start);
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    decoded[length++] = byte === BACKSLASH ? (UNESCAPED[bytes[++at] ?? 0] ?? 0) : byte;
  }
  return decoded.toString('utf8', 0, length);
};
