import fc from 'fast-check';
import {
  checkFileName,
  checkFileNameLength,
  DEFAULT_FILE_NAME,
  extensionOf,
  type FileNameValues,
  partName,
  fileNameOf,
} from './file-name.js';

const values: FileNameValues = {
  scope: { tenant: 'acme', sandbox: 'prod' },
  destination: { id: 'd-1', name: 'Partner inbox', type: 'sftp' },
  segment: { id: 'high-value', name: 'High value' },
};
const AT = '2026-11-22T06:30:05.250Z';
const named = (name: string): FileNameValues => ({ ...values, segment: { id: 's', name } });
const refusal = (slug: string) => expect.objectContaining({ slug, kind: 'refused' }) as Error;

describe('A file name', () => {
  it.each([
    ['%DESTINATION%', 'sftp'],
    ['%DESTINATION_NAME%', 'Partner inbox'],
    ['%DESTINATION_INSTANCE_ID%', 'd-1'],
    ['%DESTINATION_INSTANCE_NAME%', 'Partner inbox'],
    ['%SEGMENT_ID%', 'high-value'],
    ['%SEGMENT_NAME%', 'High value'],
    ['%ORGANIZATION_NAME%', 'acme'],
    ['%SANDBOX_NAME%', 'prod'],
    ['%TIMESTAMP%', '1795329005'],
    ['%DATETIME(YYYYMMdd_HHmmss)%', '20261122_063005'],
    ['%DATETIME(yyyy-MM-DDTHH.mm.ss.SSSZ)%', '2026-11-22T06.30.05.250Z'],
    ['crm-%SEGMENT_ID%-v2', 'crm-high-value-v2'],
    ['100% %NEW% %SEGMENT_ID', '100% %NEW% %SEGMENT_ID'],
    ['%constructor%%TOSTRING%', '%constructor%%TOSTRING%'],
    [DEFAULT_FILE_NAME, 'Partner inbox_segment_high-value_20261122_063005'],
  ])('%s becomes %s', (template, name) => {
    expect(fileNameOf(template, values)(AT)).toBe(name);
  });

  it('tells its time in UTC, wherever the run was asked for', () => {
    expect(fileNameOf('%DATETIME(HHmm)%', values)('2026-11-22T08:30:00+02:00')).toBe('0630');
  });

  it.each([
    ['a/b\\c', 'a_b_c'],
    ['../../etc', '____etc'],
    ['tab\tnul\u0000', 'tab_nul_'],
    ['%SEGMENT_ID%', '%SEGMENT_ID%'],
    ['.hidden', '_hidden'],
  ])('takes the harm out of a segment named "%s"', (name, rendered) => {
    expect(fileNameOf('%SEGMENT_NAME%', named(name))(AT)).toBe(rendered);
  });

  it('never leaves its folder, whatever things are called', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (name) => {
        const rendered = fileNameOf('%SEGMENT_NAME%_%DESTINATION_NAME%', {
          ...named(name),
          destination: { ...values.destination, name },
        })(AT);

        expect(rendered).not.toMatch(/[/\\\u0000-\u001f]|\.\.|^\./);
      }),
    );
  });
});

describe('A template', () => {
  it.each([
    '',
    '  ',
    'in/%SEGMENT_ID%',
    'a\\b',
    'a\nb',
    '.hidden',
    '%DATETIME%',
    '%DATETIME()%',
    '%DATETIME(YYYYMMDD_HHMMSS)%',
    '%DATETIME(hh:mm)%',
  ])('is refused when it is "%s"', (template) => {
    expect(() => checkFileName(template)).toThrow(refusal('file-name-invalid'));
  });

  it('is taken with macros, free text and unknown macros', () => {
    expect(() => checkFileName(`${DEFAULT_FILE_NAME} 100% %NEW%`)).not.toThrow();
  });
});

describe('The length of a name', () => {
  it('leaves room for part, revision and extension within 255 bytes', () => {
    const extension = extensionOf({ format: 'json', compression: 'gzip' }, true);
    expect(extension).toBe('.jsonl.gz.pgp');
    expect(() => checkFileNameLength('x'.repeat(232), extension)).not.toThrow();
    expect(() => checkFileNameLength('x'.repeat(233), extension)).toThrow(refusal('file-name-too-long'));
    expect(partName('x'.repeat(232), { part: 99_999, revision: 99 }, extension)).toHaveLength(255);
  });

  it('is counted in bytes', () => {
    expect(() => checkFileNameLength('ü'.repeat(121), '.csv')).toThrow('256 bytes');
  });
});

describe('A part', () => {
  it.each([
    [1, 1, 'name.csv.gz'],
    [2, 1, 'name_2.csv.gz'],
    [1, 2, 'name_r2.csv.gz'],
    [3, 2, 'name_3_r2.csv.gz'],
  ])('%i of revision %i is %s', (part, revision, name) => {
    expect(partName('name', { part, revision }, extensionOf({ format: 'csv', compression: 'gzip' }, false))).toBe(name);
  });
});
