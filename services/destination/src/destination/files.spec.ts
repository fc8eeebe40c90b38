import { checkFiles } from './files.js';

describe('File options', () => {
  it('are RFC 4180 without being asked', () => {
    expect(checkFiles()).toEqual({
      format: 'csv',
      compression: 'none',
      csv: { delimiter: ',', quote: '"', escape: '"', nullValue: '', emptyValue: '', injection: 'machine' },
      manifest: true,
      maxRowsPerFile: 5_000_000,
    });
  });

  it('keep what was given and fill in the rest', () => {
    expect(
      checkFiles({ compression: 'gzip', manifest: false, maxRowsPerFile: 10, csv: { delimiter: '\t' } }),
    ).toMatchObject({
      compression: 'gzip',
      manifest: false,
      maxRowsPerFile: 10,
      csv: { delimiter: '\t', quote: '"' },
    });
  });

  it('of JSON have nothing of CSV', () => {
    expect(checkFiles({ format: 'json' })).not.toHaveProperty('csv');
    expect(() => checkFiles({ format: 'json', csv: {} })).toThrow('files.csv belongs to the format csv');
  });

  it.each([
    ['a delimiter of two characters', { csv: { delimiter: ',,' } }, 'files.csv.delimiter'],
    ['a delimiter that is a letter', { csv: { delimiter: 'x' } }, 'files.csv.delimiter'],
    ['another quote', { csv: { quote: "'" } }, 'files.csv.quote'],
    ['another escape', { csv: { escape: '#' } }, 'files.csv.escape'],
    ['a null value that holds the delimiter', { csv: { nullValue: 'a,b' } }, 'files.csv.nullValue'],
    ['an empty value with a line break', { csv: { emptyValue: '\n' } }, 'files.csv.emptyValue'],
    ['files without rows', { maxRowsPerFile: 0 }, 'files.maxRowsPerFile'],
    ['files of half a row', { maxRowsPerFile: 1.5 }, 'files.maxRowsPerFile'],
  ])('are refused for %s', (_, input, path) => {
    expect(() => checkFiles(input)).toThrow(
      expect.objectContaining({
        slug: 'files-invalid',
        kind: 'refused',
        fields: [expect.objectContaining({ path })],
      }) as Error,
    );
  });
});
