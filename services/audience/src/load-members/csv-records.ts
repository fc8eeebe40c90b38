import { isUtf8 } from 'node:buffer';
import { WaybillError } from '@waybill/kernel';
import { HOLDS_NUL, MAX_MEMBER_BYTES, NOT_UTF8, type Rejection, TOO_LONG } from './upload-reader.js';

export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
}

const LF = 10;
const CR = 13;
const QUOTE = 34;
const COMMA = 44;
const BOM = Buffer.from('\ufeff');
const NOTHING = Buffer.alloc(0);

const BARE_QUOTE = 'has a quote inside a field that is not quoted; quote the whole field and write the quote twice';
const AFTER_QUOTE = 'has text after the closing quote of a field; a quote inside a quoted field is written twice';

type Parsed =
  /** The record ends before more bytes are seen. */
  | { readonly next: number; readonly fields: readonly string[] }
  | { readonly next: number; readonly fault: string }
  | 'more';

/**
 * Cuts RFC 4180 text (comma, quotes, LF or CRLF, with or without a byte-order mark) into records. A broken record is a
 * rejection and the next line is read on; what stands inside quotes is never taken for a record. Empty lines are passed over.
 * Throws `csv-quote-unclosed` (malformed).
 */
export class CsvRecords {
  #rest: Buffer = NOTHING;
  #line = 1;
  #started = false;
  /** The first line of a record that is too long and is passed over, and whether we are inside its quotes. */
  #dropping: { readonly line: number; quoted: boolean } | undefined;

  *read(chunk: Buffer): Generator<CsvRecord | Rejection> {
    yield* this.#cut(this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]), false);
  }

  *end(): Generator<CsvRecord | Rejection> {
    yield* this.#cut(this.#rest, true);
    if (this.#dropping?.quoted) throw unclosed(this.#dropping.line);
  }

  *#cut(bytes: Buffer, last: boolean): Generator<CsvRecord | Rejection> {
    let at = 0;
    if (!this.#started && (bytes.length >= BOM.length || last)) {
      this.#started = true;
      if (bytes.subarray(0, BOM.length).equals(BOM)) at = BOM.length;
    }
    if (!this.#started) {
      this.#rest = bytes;
      return;
    }
    // Most records hold neither quotes nor trouble, and are told from the others without looking at each byte here.
    const allUtf8 = isUtf8(bytes.subarray(at, last ? bytes.length : bytes.lastIndexOf(LF) + 1));
    const quote = new Finder(bytes, QUOTE);
    const nul = new Finder(bytes, 0);

    while (at < bytes.length) {
      if (this.#dropping) {
        at = this.#drop(bytes, at, last, this.#dropping);
        if (this.#dropping) break;
        continue;
      }
      const lineEnd = bytes.indexOf(LF, at);
      const parsed: Parsed =
        quote.from(at) < (lineEnd === -1 ? bytes.length : lineEnd)
          ? parseQuoted(bytes, at, last, this.#line)
          : lineEnd === -1 && !last
            ? 'more'
            : parsePlain(bytes, at, lineEnd === -1 ? bytes.length : lineEnd);
      if (parsed === 'more') {
        if (bytes.length - at <= MAX_MEMBER_BYTES) break;
        yield { line: this.#line, reason: TOO_LONG };
        this.#dropping = { line: this.#line, quoted: false };
        continue;
      }
      const line = this.#line;
      const start = at;
      at = parsed.next;
      this.#line += linesIn(bytes, start, at);
      if (at - start > MAX_MEMBER_BYTES) yield { line, reason: TOO_LONG };
      else if ('fault' in parsed) yield { line, reason: parsed.fault };
      else if (nul.from(start) < at) yield { line, reason: HOLDS_NUL };
      else if (!allUtf8 && !isUtf8(bytes.subarray(start, at))) yield { line, reason: NOT_UTF8 };
      else if (parsed.fields.length > 1 || parsed.fields[0] !== '' || bytes[start] === QUOTE) {
        yield { line, fields: parsed.fields };
      }
    }
    this.#rest = bytes.subarray(at);
  }

  /** Passes over the rest of a record; answers where it stopped, and ends the dropping where the record ends. */
  #drop(bytes: Buffer, from: number, last: boolean, dropping: { quoted: boolean }): number {
    let at = from;
    const lineEnd = new Finder(bytes, LF);
    const quote = new Finder(bytes, QUOTE);
    while (at < bytes.length) {
      const next = quote.from(at);
      if (dropping.quoted) {
        if (next === bytes.length) at = next;
        else if (next + 1 === bytes.length && !last) {
          this.#line += linesIn(bytes, from, next);
          return next; // the first of two quotes, or the last of the field: the next byte tells
        } else if (bytes[next + 1] === QUOTE) at = next + 2;
        else {
          dropping.quoted = false;
          at = next + 1;
        }
      } else if (lineEnd.from(at) < next) {
        at = lineEnd.from(at) + 1;
        this.#dropping = undefined;
        break;
      } else {
        dropping.quoted = next < bytes.length;
        at = Math.min(next + 1, bytes.length);
      }
    }
    this.#line += linesIn(bytes, from, at);
    return at;
  }
}

const parsePlain = (bytes: Buffer, start: number, end: number): Parsed => ({
  next: Math.min(end + 1, bytes.length),
  fields: bytes.toString('utf8', start, bytes[end - 1] === CR && end > start ? end - 1 : end).split(','),
});

const parseQuoted = (bytes: Buffer, start: number, last: boolean, line: number): Parsed => {
  const fields: string[] = [];
  const lineEnd = new Finder(bytes, LF);
  const comma = new Finder(bytes, COMMA);
  /** Where the line of a broken field ends. */
  const broken = (at: number, fault: string): Parsed =>
    lineEnd.from(at) === bytes.length && !last ? 'more' : { next: Math.min(lineEnd.from(at) + 1, bytes.length), fault };

  for (let at = start; ; at++) {
    if (bytes[at] === QUOTE) {
      const close = closingQuote(bytes, at + 1, last);
      if (close === 'more') return 'more';
      if (close === 'never') throw unclosed(line);
      fields.push(bytes.toString('utf8', at + 1, close).replaceAll('""', '"'));
      at = close + 1;
      if (bytes[at] === CR && (bytes[at + 1] === LF || at + 1 === bytes.length)) at++;
      if (at < bytes.length && bytes[at] !== COMMA && bytes[at] !== LF) return broken(at, AFTER_QUOTE);
    } else {
      const end = Math.min(comma.from(at), lineEnd.from(at));
      if (end === bytes.length && !last) return 'more';
      const field = bytes.toString('utf8', at, end);
      if (field.includes('"')) return broken(at, BARE_QUOTE);
      fields.push(end === comma.from(at) ? field : field.replace(/\r$/, ''));
      at = end;
    }
    if (at >= bytes.length) return last ? { next: bytes.length, fields } : 'more';
    if (bytes[at] === LF) return { next: at + 1, fields };
  }
};

const closingQuote = (bytes: Buffer, from: number, last: boolean): number | 'more' | 'never' => {
  for (let at = from; ; at += 2) {
    at = bytes.indexOf(QUOTE, at);
    if (at === -1) return last ? 'never' : 'more';
    if (at + 1 === bytes.length) return last ? at : 'more';
    if (bytes[at + 1] !== QUOTE) return at;
  }
};

/** Where a byte stands next; asked for ever later places, it looks at each place once. */
class Finder {
  #found = -1;

  constructor(
    readonly bytes: Buffer,
    readonly byte: number,
  ) {}

  /** The length of the bytes when it stands nowhere. */
  from(at: number): number {
    if (this.#found < at) {
      const found = this.bytes.indexOf(this.byte, at);
      this.#found = found === -1 ? this.bytes.length : found;
    }
    return this.#found;
  }
}

const linesIn = (bytes: Buffer, start: number, end: number): number => {
  let lines = 0;
  for (let at = bytes.indexOf(LF, start); at !== -1 && at < end; at = bytes.indexOf(LF, at + 1)) lines++;
  return lines;
};

const unclosed = (line: number): WaybillError =>
  new WaybillError(
    'csv-quote-unclosed',
    'malformed',
    `The upload was refused: in the record that starts on line ${line} a quote opens a field and never closes it, so that everything after it would belong to that field. Close it, or write a quote inside a field twice and quote the field. Nothing was changed.`,
  );
