import type { CsvOptions, MappingField } from '@waybill/contracts';
import fc from 'fast-check';
import { columnsOf } from './columns.js';
import { dialectOf } from './dialect-of.js';
import { RowFormatter } from './row-formatter.js';

const CSV: CsvOptions = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  nullValue: '',
  emptyValue: '',
  injection: 'machine',
};
const field = (source: string, more: Partial<MappingField> = {}): MappingField => ({
  source,
  target: source.replace(/^.*?\./, ''),
  required: false,
  key: false,
  ...more,
});
const A_AND_B = [field('attributes.a'), field('attributes.b')];

/** As PostgreSQL's COPY writes a cell. */
const cell = (text: string | null): string =>
  text === null
    ? '\\N'
    : text.replace(/[\\\b\t\n\v\f\r]/g, (sign) => `\\${'btnvfr'['\b\t\n\v\f\r'.indexOf(sign)] ?? '\\'}`);
const copyRow = (...cells: (string | null)[]): string => `${cells.map(cell).join('\t')}\n`;

const formatter = (fields: readonly MappingField[], csv: Partial<CsvOptions> | 'json' = {}) => {
  const format = csv === 'json' ? ('json' as const) : ('csv' as const);
  const columns = columnsOf(fields, format, { id: 's', name: 'S' });
  const files = { format, compression: 'none' as const, manifest: true, maxRowsPerFile: 10 };
  const dialect = dialectOf(columns, csv === 'json' ? files : { ...files, csv: { ...CSV, ...csv } });
  return new RowFormatter(columns, dialect, { keyColumns: 1, deduplicates: false });
};
const formatted = (
  cells: readonly (readonly (string | null)[])[],
  { fields = A_AND_B, ...options }: { fields?: readonly MappingField[]; csv?: Partial<CsvOptions> | 'json' } = {},
) => {
  const rows = formatter(fields, options.csv);
  rows.format(Buffer.from(cells.map((row, n) => copyRow(`p${n}`, ...row)).join('')), Infinity);
  return { text: rows.take().toString(), ...rows.tally.now, lastKey: rows.lastKey };
};
/** One row of the columns a and b. */
const line = (a: string | null, b: string | null, csv: Partial<CsvOptions> | 'json' = {}): string =>
  formatted([[a, b]], { csv }).text;

describe('A row as CSV', () => {
  it.each<[string, [string | null, string | null], Partial<CsvOptions>, string]>([
    ['plain cells as they are', ['Müller', 'x y'], {}, 'Müller,x y'],
    ['quotes around a delimiter, doubled quotes', ['a,b', 'say "hi"'], {}, '"a,b","say ""hi"""'],
    ['quotes around line breaks', ['a\nb', 'a\r\nb'], {}, '"a\nb","a\r\nb"'],
    ['other characters that COPY hides as they are', ['a\tb', 'a\\b\v'], {}, 'a\tb,a\\b\v'],
    ['nothing for null and for an empty text', [null, ''], {}, ','],
    [
      'what was asked for instead of null and of an empty text',
      [null, ''],
      { nullValue: 'NULL', emptyValue: '-' },
      'NULL,-',
    ],
    ['another delimiter', ['a,b', 'a|b'], { delimiter: '|' }, 'a,b|"a|b"'],
    ['a tab as the delimiter', ['a,b', 'a\tb'], { delimiter: '\t' }, 'a,b\t"a\tb"'],
    ['a backslash as the escape', ['a"b', 'a\\b'], { escape: '\\' }, '"a\\"b","a\\\\b"'],
    ['an apostrophe as the escape', [`a"b`, `it's`], { escape: "'" }, `"a'"b","it''s"`],
    ['bare cells without a quote', ['a"b', 'a b'], { quote: '' }, 'a"b,a b'],
    [
      'escaped delimiters and breaks without a quote',
      ['a,b\\', 'c\nd'],
      { quote: '', escape: '\\' },
      'a\\,b\\\\,c\\\nd',
    ],
  ])('has %s', (_, [a, b], csv, expected) => {
    expect(line(a, b, csv)).toBe(`${expected}\r\n`);
  });

  it('is left out, and counted, where nothing could tell its cell from two', () => {
    expect(
      formatted(
        [
          ['a,b', ''],
          ['a', 'b'],
        ],
        { csv: { quote: '' } },
      ),
    ).toMatchObject({
      text: 'a,b\r\n',
      counts: { read: 2, written: 1, skipped: 1 },
      skippedBecause: { 'unquotable:a': 1 },
    });
  });

  it('is left out for a time that nothing can tell from three cells', () => {
    const fields = [field('segment.since')];
    const cells = [['2026-01-02 03:04:05+00']];
    expect(formatted(cells, { fields, csv: { quote: '', delimiter: ':' } }).skippedBecause).toEqual({
      'unquotable:since': 1,
    });
  });

  it('of one column is never a line without a byte', () => {
    expect(formatted([['']], { fields: [field('attributes.a')] }).text).toBe('""\r\n');
  });

  it.each([
    ['=1+1', '"\'=1+1"'],
    ['+cmd', '"\'+cmd"'],
    ['-cmd|x', '"\'-cmd|x"'],
    ['@sum(a,"b")', '"\'@sum(a,""b"")"'],
    ['\tx', '"\'\tx"'],
    ['\rx', '"\'\rx"'],
    ['-5', '-5'],
    ['+4.9e-3', '+4.9e-3'],
    ['a=b', 'a=b'],
    ['', ''],
  ])('made safe for spreadsheets shows %j as %j, and leaves numbers alone', (text, expected) => {
    expect(line(text, 'x', { injection: 'spreadsheet-safe' })).toBe(`${expected},x\r\n`);
    expect(line('x', text, { injection: 'spreadsheet-safe' })).toBe(`x,${expected}\r\n`);
  });

  it('is left out, and counted, for a formula where formulas are rejected', () => {
    expect(
      formatted(
        [
          ['=1', 'x'],
          ['x', '@a'],
          ['-1', '+2'],
        ],
        { csv: { injection: 'reject' } },
      ),
    ).toMatchObject({
      text: '-1,+2\r\n',
      skippedBecause: { 'formula:a': 1, 'formula:b': 1 },
    });
  });

  it('leaves formulas alone for machines', () => {
    expect(line('=1+1', '-x')).toBe('=1+1,-x\r\n');
  });

  it.each([',', ':'])('writes a time as RFC 3339, in quotes where the delimiter is in it (%s)', (delimiter) => {
    const fields = [field('segment.status'), field('segment.since')];
    const { text, counts } = formatted([['exited', '2026-01-02 03:04:05.678901+00']], { fields, csv: { delimiter } });
    const quote = delimiter === ':' ? '"' : '';
    expect(text).toBe(`exited${delimiter}${quote}2026-01-02T03:04:05.678901Z${quote}\r\n`);
    expect(counts).toMatchObject({ written: 1, exited: 1 });
  });

  it('is read back as what it was, whatever it was', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', ',', ';', '"', "'", '\\', '\n', '\r', '\t', '\b', '=', '-', 'é', '😀', 'N', ' '),
      maxLength: 8,
    });
    const options = fc.record({ delimiter: fc.constantFrom(',', ';', '\t'), escape: fc.constantFrom('"', '\\', "'") });
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 5 }), options, (cells, csv) => {
        expect(readBack(formatted(cells, { csv }).text, csv)).toEqual(cells);
      }),
    );
  });
});

/** A reader of its own, of every delimiter and escape; quotes are always `"`. */
const readBack = (text: string, { delimiter, escape }: Pick<CsvOptions, 'delimiter' | 'escape'>): string[][] => {
  const rows: string[][] = [];
  let row: string[] = [];
  for (let at = 0; at < text.length;) {
    let value = '';
    if (text[at] === '"') {
      for (at++; !(text[at] === '"' && !(escape === '"' && text[at + 1] === '"')); at++) {
        if (text[at] === escape) at++;
        value += text[at];
      }
      at++;
    } else {
      for (; text[at] !== delimiter && !text.startsWith('\r\n', at); at++) value += text[at];
    }
    row.push(value);
    if (text[at] === delimiter) at++;
    else {
      rows.push(row);
      row = [];
      at += 2;
    }
  }
  return rows;
};

describe('The header of a CSV', () => {
  it('names the columns in the order of the mapping, dots as underscores, quoted where it must be', () => {
    const fields = [field('attributes.a', { target: 'person.name' }), field('attributes.b', { target: 'x, "y"' })];
    expect(Buffer.from(formatter(fields).dialect.header).toString()).toBe('person_name,"x, ""y"""\r\n');
  });
});

describe('A row as JSON', () => {
  it('is an object with the columns in their order, and values as they are', () => {
    expect(line('{"n": [1, "\\"\\\\x"]}', null, 'json')).toBe('{"a":{"n": [1, "\\"\\\\x"]},"b":null}\n');
    expect(JSON.parse(line('"\\u0001\\n\\t😀"', '12345678901234567890', 'json'))).toEqual({
      a: '\u0001\n\t😀',
      b: 12345678901234567890,
    });
  });

  it('writes a time as RFC 3339, and counts who exited', () => {
    const fields = [field('segment.status'), field('segment.since')];
    const rows = [
      ['"exited"', '2026-01-02 03:04:05+00'],
      ['"realized"', '2026-01-02 03:04:05+00'],
    ];
    const { text, counts } = formatted(rows, { fields, csv: 'json' });
    expect(text.split('\n')[0]).toBe('{"status":"exited","since":"2026-01-02T03:04:05Z"}');
    expect(counts.exited).toBe(1);
  });
});

describe('A required column', () => {
  const fields = [field('attributes.a', { required: true }), field('attributes.b')];

  it('leaves out who has nothing in it, and says why', () => {
    expect(
      formatted(
        [
          [null, 'x'],
          ['', 'x'],
          ['a', null],
        ],
        { fields },
      ),
    ).toMatchObject({
      text: 'a,\r\n',
      counts: { read: 3, written: 1, skipped: 2, failed: 0, exited: 0 },
      skippedBecause: { 'required:a': 2 },
      lastKey: ['p2'],
    });
  });

  it('takes null and the empty text for nothing in JSON too', () => {
    expect(
      formatted(
        [
          [null, '1'],
          ['null', '1'],
          ['""', '1'],
          ['0', '1'],
        ],
        { fields, csv: 'json' },
      ),
    ).toMatchObject({
      text: '{"a":0,"b":1}\n',
      skippedBecause: { 'required:a': 3 },
    });
  });
});

describe('The formatter', () => {
  it('takes whole rows only, up to the limit, and knows the last key written', () => {
    const rows = formatter(A_AND_B);
    const first = copyRow('p\t1', 'a', 'b');
    const bytes = Buffer.from(first + copyRow('p2', 'c', 'd') + 'p3\te');
    expect(rows.format(bytes, 1)).toBe(Buffer.byteLength(first));
    expect(rows.lastKey).toEqual(['p\t1']);
    expect(rows.format(bytes.subarray(Buffer.byteLength(first)), 5)).toBe(copyRow('p2', 'c', 'd').length);
    expect(rows.take().toString()).toBe('a,b\r\nc,d\r\n');
    expect(rows.length).toBe(0);
  });

  it('grows for rows of any size', () => {
    const large = '"'.repeat(3_000_000);
    expect(line('x', large)).toBe(`x,"${'""'.repeat(3_000_000)}"\r\n`);
  });

  it('hands on what it has before it takes more than its output holds', () => {
    const rows = formatter(A_AND_B);
    const bytes = Buffer.from(copyRow('p', 'a'.repeat(1000), 'b').repeat(1000));
    const taken = rows.format(bytes, Infinity);
    expect(rows.isFull).toBe(true);
    expect(taken).toBeLessThan(bytes.length / 2);
  });
});
