import type { CsvOptions } from '@waybill/contracts';
import type { Column } from './columns.js';
import { BACKSLASH, LF, TAB, UNESCAPED } from './copy-text.js';
import { ANYWHERE, type Dialect, FIRST, FORMULA, UNQUOTABLE } from './dialect.js';

/** RFC 4180, 2.1. */
const LINE_END = '\r\n';
const CR = 13;
const APOSTROPHE = 39;
/** What a spreadsheet takes for the begin of a formula (OWASP, CSV injection). */
const FORMULA_STARTS = '=+-@\t\r';
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const MAX_NUMBER = 64;

const byteOf = (text: string): number | undefined => {
  if (text === '') return undefined;
  const [byte, ...more] = Buffer.from(text);
  if (more.length > 0) throw new Error(`Not a single byte, as CSV takes it: ${text}`);
  return byte;
};

/**
 * CSV with a header row, lines ended by CR LF. A cell is quoted when it holds the delimiter, the quote, the escape, a line
 * break. Without a quote a backslash as the escape stands before those; with another escape
 * such a row is left out, since nothing could tell it from two. A number (-5, +1e3) is never taken for a formula.
 */
export const csvDialect = (columns: readonly Column[], options: CsvOptions): Dialect => {
  const delimiter = byteOf(options.delimiter) ?? 0;
  const quote = byteOf(options.quote);
  // Without quotes only a backslash escapes anything; an escape that is none of the quotes' is no special byte then.
  const escape = quote === undefined && options.escape !== '\\' ? undefined : (byteOf(options.escape) ?? quote);
  const timeQuote = options.delimiter === ':' ? options.quote : '';

  const special = new Uint8Array(256);
  if (options.injection !== 'machine') for (const start of Buffer.from(FORMULA_STARTS)) special[start] = FIRST;
  for (const byte of [TAB, LF, BACKSLASH, delimiter, quote, escape]) if (byte !== undefined) special[byte] = ANYWHERE;

  const isFormula = (from: Buffer, start: number, end: number): boolean => {
    const first = from[start] === BACKSLASH ? UNESCAPED[from[start + 1] ?? 0] : from[start];
    if (!FORMULA_STARTS.includes(String.fromCharCode(first ?? 0))) return false;
    return end - start > MAX_NUMBER || !NUMBER.test(from.toString('latin1', start, end));
  };
  const breaks = (byte: number): boolean => byte === delimiter || byte === LF || byte === CR;

  const write: Dialect['write'] = (from, start, end, to, at) => {
    const formula = options.injection !== 'machine' && isFormula(from, start, end);
    if (formula && options.injection === 'reject') return FORMULA;
    // The opening quote is written in advance, and given up when nothing called for it.
    let length = quote === undefined ? at : at + 1;
    let needsQuotes = formula;
    if (formula) to[length++] = APOSTROPHE;
    for (let index = start; index < end; index++) {
      let byte = from[index] ?? 0;
      if (byte === BACKSLASH) byte = UNESCAPED[from[++index] ?? 0] ?? 0;
      if (byte === quote || byte === escape) {
        needsQuotes = true;
        if (escape !== undefined) to[length++] = escape;
      } else if (breaks(byte)) {
        needsQuotes = true;
        if (quote === undefined && escape !== BACKSLASH) return UNQUOTABLE;
        if (quote === undefined) to[length++] = BACKSLASH;
      }
      to[length++] = byte;
    }
    if (quote === undefined) return length;
    if (!needsQuotes) {
      to.copyWithin(at, at + 1, length);
      return length - 1;
    }
    to[at] = quote;
    to[length++] = quote;
    return length;
  };

  const quoted = (name: string): string => {
    const { quote: mark, escape: before } = options;
    if (mark === '' || ![options.delimiter, mark, before, '\n', '\r'].some((sign) => sign && name.includes(sign)))
      return name;
    const escaped = [...name].map((sign) => (sign === mark || sign === before ? (before || mark) + sign : sign));
    return mark + escaped.join('') + mark;
  };
  return {
    header: Buffer.from(columns.map(({ name }) => quoted(name)).join(options.delimiter) + LINE_END),
    before: columns.map(({ kind }, index) =>
      Buffer.from((index === 0 ? '' : options.delimiter) + (kind === 'time' ? timeQuote : '')),
    ),
    afterTime: options.delimiter === ':' && quote === undefined ? null : Buffer.from(`Z${timeQuote}`),
    refuses:
      options.injection === 'reject' || (quote === undefined && (escape !== BACKSLASH || options.delimiter === ':')),
    end: Buffer.from(LINE_END),
    nullCell: Buffer.from(options.nullValue),
    // A line without any byte would be no row to most readers.
    emptyCell: Buffer.from(
      columns.length === 1 && options.emptyValue === '' ? options.quote.repeat(2) : options.emptyValue,
    ),
    blankCells: [],
    special,
    write,
  };
};
