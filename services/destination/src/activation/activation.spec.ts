import { DEFAULT_FILE_NAME, type FilesOptions, type Schedule } from '@waybill/contracts';
import { checkActivation, checkLiveActivation, type Naming, type NamingContext } from './index.js';

const files: FilesOptions = { format: 'csv', compression: 'gzip', manifest: true, maxRowsPerFile: 5_000_000 };
const context: NamingContext = {
  scope: { tenant: 'acme', sandbox: 'prod' },
  destination: { id: 'd', name: 'Inbox', type: 'sftp' },
  at: '2026-11-22T12:00:00.000Z',
  folderOf: () => '/in',
};
const daily: Schedule = { mode: 'full', frequency: 'daily', at: '06:30', timeZone: 'UTC', startDate: '2026-11-01' };
const hourly: Schedule = { ...daily, frequency: 'hourly' };
const monthly: Schedule = { ...daily, frequency: 'monthly' };
const once: Schedule = { ...daily, frequency: 'once', startDate: '2026-12-24' };
const segment = (id: string, name = id) => ({ id, name });
const naming = (id: string, fileName: string, schedule: Schedule | null = daily): Naming => ({
  segment: segment(id),
  schedule,
  fileName,
});

const check = (input: Naming, others: readonly Naming[] = [], more: Partial<NamingContext> = {}, current?: Naming) =>
  checkActivation(input, files, current, others, { ...context, ...more });
const refusal = (slug: string, more = {}) => expect.objectContaining({ slug, kind: 'refused', ...more }) as Error;

describe('An activation', () => {
  it('has a file name that is unique by default', () => {
    const others = [
      naming('b', DEFAULT_FILE_NAME),
      naming('c', DEFAULT_FILE_NAME, hourly),
      naming('d', DEFAULT_FILE_NAME, null),
    ];
    const given = { segment: segment('a'), schedule: hourly };
    expect(checkActivation(given, files, undefined, others, context)).toEqual({
      ...given,
      fileName: DEFAULT_FILE_NAME,
    });
  });

  it.each<[string, Naming]>([
    ['a date alone, once a day', naming('a', '%SEGMENT_ID%_%DATETIME(YYYYMMdd)%')],
    ['a date alone, when asked for', naming('a', '%SEGMENT_ID%_%DATETIME(YYYYMMdd)%', null)],
    ['hours, every hour', naming('a', '%SEGMENT_ID%_%DATETIME(YYYYMMdd_HH)%', hourly)],
    ['no time at all, once', naming('a', 'crm', once)],
    ['seconds', naming('a', 'x%TIMESTAMP%', hourly)],
  ])('may be named by %s', (_, input) => {
    expect(check(input)).toEqual(input);
  });

  it.each<[string, Naming]>([
    ['nothing that changes, every day', naming('a', 'crm-%SEGMENT_ID%')],
    ['nothing that changes, when asked for', naming('a', 'crm-%SEGMENT_ID%', null)],
    ['a date alone, every hour', naming('a', '%DATETIME(YYYYMMdd)%', hourly)],
    ['the time of day alone', naming('a', '%DATETIME(HHmmss)%')],
    ['the day of the month, every month', naming('a', '%DATETIME(dd)%', monthly)],
  ])('may not be named by %s', (_, input) => {
    expect(() => check(input)).toThrow(refusal('template-not-unique'));
  });

  it('is told which two exports fall together, and what to take instead', () => {
    expect(() => check(naming('a', 'crm'))).toThrow(
      refusal('template-not-unique', {
        message:
          'With the file name "crm", the export of segment "a" at 2026-11-23T06:30:00.000Z and that of segment "a" at ' +
          '2026-11-24T06:30:00.000Z would both be "/in/crm". Take "crm_%DATETIME(YYYYMMdd_HHmmss)%" instead.',
        extra: expect.objectContaining({ proposal: 'crm_%DATETIME(YYYYMMdd_HHmmss)%' }) as object,
      }),
    );
    expect(check(naming('a', 'crm_%DATETIME(YYYYMMdd_HHmmss)%'))).toBeDefined();
  });

  it('does not share its names with another segment', () => {
    const template = '%DESTINATION_NAME%_%DATETIME(YYYYMMdd)%';
    const other = naming('b', template, { ...daily, at: '22:00' });
    expect(() => check(naming('a', template), [other])).toThrow(
      refusal('template-not-unique', {
        extra: expect.objectContaining({ proposal: `${template}_%SEGMENT_ID%` }) as object,
      }),
    );
    expect(check(naming('a', `${template}_%SEGMENT_ID%`), [other])).toBeDefined();
  });

  it('may share them where every segment has its own folder', () => {
    const template = '%DATETIME(YYYYMMdd)%';
    const folderOf = ({ id }: { id: string }) => `/in/${id}`;
    expect(check(naming('a', template), [naming('b', template)], { folderOf })).toBeDefined();
  });

  it('is not fooled by segments whose names become one', () => {
    const template = '%SEGMENT_NAME%_%DATETIME(YYYYMMdd)%';
    const named = (id: string, name: string): Naming => ({ ...naming(id, template), segment: segment(id, name) });
    expect(() => check(named('1', 'a/b'), [named('2', 'a_b')])).toThrow(refusal('template-not-unique'));
  });

  it('is refused a name that no file system takes', () => {
    expect(() =>
      check({ ...naming('a', '%SEGMENT_NAME%_%TIMESTAMP%'), segment: segment('a', 'x'.repeat(250)) }),
    ).toThrow(refusal('file-name-too-long'));
    expect(() => check(naming('a', 'in/%TIMESTAMP%'))).toThrow(refusal('file-name-invalid'));
  });

  it('is refused a schedule that is wrong or over', () => {
    expect(() => check(naming('a', DEFAULT_FILE_NAME, { ...daily, timeZone: 'Mars/Olympus' }))).toThrow(
      refusal('schedule-invalid'),
    );
    expect(() => check(naming('a', DEFAULT_FILE_NAME, { ...once, startDate: '2026-11-22' }))).toThrow(
      refusal('schedule-over'),
    );
    expect(() => check(naming('a', DEFAULT_FILE_NAME, { ...daily, endDate: '2026-11-22' }))).toThrow(
      refusal('schedule-over', { message: expect.stringContaining('ends on 2026-11-22') as string }),
    );
  });

  it('keeps a schedule that is over when only its file name changes', () => {
    const over = { ...once, startDate: '2026-11-22' };
    expect(check(naming('a', 'new', over), [], {}, naming('a', 'old', over))).toEqual(naming('a', 'new', over));
  });
});

describe('An activation of a stream', () => {
  it('is live: it has neither a schedule nor a file name', () => {
    expect(() => checkLiveActivation({ segment: segment('a'), schedule: null })).not.toThrow();
    expect(() => checkLiveActivation({ segment: segment('a'), schedule: daily })).toThrow(
      refusal('activation-is-live'),
    );
    expect(() => checkLiveActivation({ segment: segment('a'), schedule: null, fileName: 'x' })).toThrow(
      refusal('activation-is-live'),
    );
  });
});

it('A hundred segments exported every hour are checked while a caller waits', () => {
  const others = Array.from({ length: 100 }, (_, index) => naming(`segment-${index}`, DEFAULT_FILE_NAME, hourly));
  expect(check(naming('a', DEFAULT_FILE_NAME, hourly), others)).toBeDefined();
});
