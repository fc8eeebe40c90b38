import fc from 'fast-check';
import { CsvRecords } from './csv-records.js';
import { MAX_MEMBER_BYTES } from './upload-reader.js';

const cut = (text: string | Buffer, chunkBytes = Infinity) => {
  const bytes = Buffer.from(text as string);
  const records = new CsvRecords();
  const found = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    found.push(...records.read(bytes.subarray(at, Math.min(at + chunkBytes, bytes.length))));
  }
  found.push(...records.end());
  return found.map((record) => ('fields' in record ? [record.line, ...record.fields] : [record.line, record.reason]));
};

/** Wherever the network cuts the text, the records are the same. */
const cutAnywhere = (text: string | Buffer) => {
  const whole = cut(text);
  for (const chunkBytes of [1, 2, 3, 7]) expect(cut(text, chunkBytes)).toEqual(whole);
  return whole;
};

describe('CSV', () => {
  it.each([
    ['LF', 'a,b\nc,d\n'],
    ['CRLF', 'a,b\r\nc,d\r\n'],
    ['no line end at the last line', 'a,b\nc,d'],
    ['CRLF and none at the last line', 'a,b\r\nc,d'],
    ['a byte-order mark', '\ufeffa,b\nc,d\n'],
    ['a byte-order mark before a quote', '\ufeff"a",b\nc,d\n'],
    ['quotes that nothing called for', '"a","b"\r\n"c","d"\r\n'],
  ])('is read with %s', (_, text) => {
    expect(cutAnywhere(text)).toEqual([
      [1, 'a', 'b'],
      [2, 'c', 'd'],
    ]);
  });

  it('passes over empty lines, and counts them', () => {
    expect(cutAnywhere('a,b\n\n\r\nc,d\n\n')).toEqual([
      [1, 'a', 'b'],
      [4, 'c', 'd'],
    ]);
  });

  it('keeps what stands in quotes: commas, line ends, doubled quotes, nothing', () => {
    expect(cutAnywhere('"a,b","c\r\nd","e ""f""",""\ng,h\n')).toEqual([
      [1, 'a,b', 'c\r\nd', 'e "f"', ''],
      [3, 'g', 'h'],
    ]);
  });

  it('rejects a line with a quote inside an unquoted field, and reads on', () => {
    expect(cutAnywhere('a,x"y\nc,d\n')).toEqual([
      [1, expect.stringContaining('quote inside a field')],
      [2, 'c', 'd'],
    ]);
  });

  it('rejects a line with text after a closing quote, and reads on', () => {
    expect(cutAnywhere('a,"x"y\nc,d\n')).toEqual([
      [1, expect.stringContaining('text after the closing quote')],
      [2, 'c', 'd'],
    ]);
  });

  it('never takes for a record what stands inside quotes, however broken the record is', () => {
    expect(cutAnywhere('a,"x\nvictim,1\n"y\nc,d\n')).toEqual([
      [1, expect.stringContaining('text after the closing quote')],
      [4, 'c', 'd'],
    ]);
  });

  it('is refused as a whole when a quote never closes', () => {
    expect(() => cut('a,b\nc,"d\ne,f\n')).toThrow(/starts on line 2 .* never closes/);
  });

  it('rejects lines that are not UTF-8 or hold a NUL, and only those', () => {
    const latin1 = Buffer.concat([Buffer.from('a,é\n'), Buffer.from('b,é\n', 'latin1'), Buffer.from('c,\0\nd,ö')]);
    expect(cutAnywhere(latin1)).toEqual([
      [1, 'a', 'é'],
      [2, 'is not valid UTF-8'],
      [3, expect.stringContaining('NUL')],
      [4, 'd', 'ö'],
    ]);
    expect(cutAnywhere(Buffer.from('a,é', 'latin1'))).toEqual([[1, 'is not valid UTF-8']]);
  });

  it.each([1000, 64 * 1024, Infinity])(
    'passes over a record of more than 1 MiB, quoted or not, in chunks of %d bytes',
    (chunkBytes) => {
      const cell = 'x'.repeat(2 * MAX_MEMBER_BYTES);
      expect(cut(`a,${cell}\nb,"${cell}\n""victim,1"\nc,d\n`, chunkBytes)).toEqual([
        [1, expect.stringContaining('1 MiB')],
        [2, expect.stringContaining('1 MiB')],
        [4, 'c', 'd'],
      ]);
    },
  );

  it('takes a record of just under 1 MiB', () => {
    const cell = 'x'.repeat(MAX_MEMBER_BYTES - 10);
    const [[line, id, value] = []] = cut(`a,"${cell}"\nb,c`, 65_536);
    expect([line, id, value === cell]).toEqual([1, 'a', true]);
  });

  it('refuses an upload that ends inside the quotes of a record that is too long', () => {
    expect(() => cut(`a,"${'x'.repeat(2 * MAX_MEMBER_BYTES)}\nb,c\n`, 65_536)).toThrow(/never closes/);
  });

  it('gives back whatever was written as RFC 4180 has it', () => {
    const field = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r\n', 'é', '😀', ' '), maxLength: 6 });
    const rows = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 });
    const write = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 20 }),
        fc.constantFrom('\n', '\r\n'),
        (table, chunkBytes, lineEnd) => {
          const text = table.map((row) => row.map(write).join(',') + lineEnd).join('');
          expect(cut(text, chunkBytes).map(([, ...fields]) => fields)).toEqual(table);
        },
      ),
    );
  });
});
