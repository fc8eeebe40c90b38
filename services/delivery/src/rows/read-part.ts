import { createHash } from 'node:crypto';
import type { Database } from '@waybill/postgres';
import { copyOut } from './copy-text.js';
import { columnsOf } from './columns.js';
import { dialectOf } from './dialect-of.js';
import { type SnapshotId, withExportConnection } from './export-connection.js';
import { gzipped } from './gzip.js';
import { type RowKey, rowsQuery } from './query.js';
import type { RowsRequest } from './request.js';
import { RowFormatter } from './row-formatter.js';
import type { Tally } from './tally.js';

export interface PartOptions {
  /** `lastKey` of the part before; null for the first. */
  readonly after: string | null;
  readonly signal: AbortSignal;
  /** Read in this one; null or left out: in one of its own, of now. */
  readonly snapshot?: SnapshotId | null;
  /** Called with each piece that is handed on. */
  readonly onProgress?: (done: { readonly rows: number; readonly contentBytes: number }) => void;
}

export interface NothingToWrite extends Tally {
  readonly rows: 0;
}

/** A part that was handed on as a whole. */
export interface PartRead<T> extends Tally {
  /** What the receiver answered. */
  readonly delivered: T;
  /** Without the header. */
  readonly rows: number;
  /** Of the plain content, header included, before compression. */
  readonly contentBytes: number;
  readonly contentSha256: string;
  /** Where the next part begins. Names a profile: not for events. */
  readonly lastKey: string;
  /** Whether there is another row, and so another part. */
  readonly more: boolean;
}

/**
 * Reads one part, at most `maxRowsPerFile` rows, and hands its file content, compressed where asked for, to `deliver`, which
 * has to take all of it. Where there is no row (left) to write, `deliver` is not called. Memory does not depend on the number
 * of rows. The same rows give the same plain bytes.
 */
export const readPart = async <T>(
  database: Database,
  request: RowsRequest,
  { after, signal, snapshot = null, onProgress }: PartOptions,
  deliver: (content: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<PartRead<T> | NothingToWrite> => {
  const columns = columnsOf(request.fields, request.files.format, request.segment);
  const dialect = dialectOf(columns, request.files);
  const query = rowsQuery(request, columns, after === null ? null : (JSON.parse(after) as RowKey));
  const formatter = new RowFormatter(columns, dialect, query);

  return withExportConnection<PartRead<T> | NothingToWrite>(
    database,
    signal,
    async (client) => {
      const part = new Part(formatter, request.files.maxRowsPerFile);
      const pieces = part.pieces(copyOut(client, query.sql));
      const first = await pieces.next();
      if (first.done) return { result: { ...formatter.tally.now, rows: 0 }, readToTheEnd: true };

      const hash = createHash('sha256');
      let contentBytes = 0;
      let complete = false;
      async function* content(): AsyncGenerator<Uint8Array> {
        const rest = async function* () {
          yield dialect.header;
          yield first.value as Buffer;
          yield* pieces;
        };
        for await (const piece of rest()) {
          if (piece.length === 0) continue;
          hash.update(piece);
          contentBytes += piece.length;
          yield piece;
          onProgress?.({ rows: formatter.tally.written, contentBytes });
        }
        complete = true;
      }
      const delivered = await deliver(request.files.compression === 'gzip' ? gzipped(content()) : content());
      if (!complete) throw new Error('The content of a part was taken in part only.');
      const { tally, lastKey, more } = part.ended;
      return {
        result: {
          ...tally,
          delivered,
          rows: tally.counts.written,
          contentBytes,
          contentSha256: hash.digest('hex'),
          lastKey: JSON.stringify(lastKey),
          more,
        },
        readToTheEnd: !more,
      };
    },
    snapshot,
  );
};

interface Ended {
  readonly tally: Tally;
  readonly lastKey: RowKey | null;
  readonly more: boolean;
}

class Part {
  #ended: Ended | undefined;

  constructor(
    readonly formatter: RowFormatter,
    readonly maxRows: number,
  ) {}

  /** Once all pieces were taken. */
  get ended(): Ended {
    if (!this.#ended) throw new Error('The part has not ended.');
    return this.#ended;
  }

  async *pieces(copy: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const { formatter, maxRows } = this;
    let full: Ended | undefined;
    let rows: Buffer = Buffer.alloc(0);
    for await (const chunk of copy) {
      rows = rows.length === 0 ? chunk : Buffer.concat([rows, chunk]);
      for (;;) {
        // One row beyond the last tells whether there is another part; it is formatted, and forgotten.
        rows = rows.subarray(formatter.format(rows, full ? 1 : maxRows - formatter.tally.written));
        if (full && formatter.tally.written > maxRows) {
          this.#ended = { ...full, more: true };
          return;
        }
        if (!full && formatter.tally.written === maxRows) {
          full = { tally: formatter.tally.now, lastKey: formatter.lastKey, more: false };
          yield formatter.take();
        } else if (formatter.isFull) yield formatter.take();
        else break;
      }
    }
    if (rows.length > 0) throw new Error('The rows of an export broke off.');
    this.#ended = { tally: formatter.tally.now, lastKey: formatter.lastKey, more: false };
    if (formatter.length > 0) yield formatter.take();
  }
}
