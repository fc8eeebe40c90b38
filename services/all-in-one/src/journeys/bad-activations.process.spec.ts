import { bodyOf } from './testing/exports.js';
import { outcomeOf } from './testing/expectations.js';
import { type SftpExports, startSftpExports } from './testing/sftp-exports.js';
import type { DestinationView } from './testing/views.js';

let scene: SftpExports;
let segmentId: string;
let destinationId: string;

beforeAll(async () => {
  scene = await startSftpExports();
  segmentId = await scene.segmentOf('email,city\na@x.io,Wien\n');
  destinationId = (await scene.activated(segmentId)).id;
});
afterAll(() => scene.close());

const DAILY = { mode: 'full', frequency: 'daily', at: '06:30', timeZone: 'Europe/Berlin', startDate: '2099-01-01' };
const activate = (body: object, id = segmentId) =>
  scene.api.put<DestinationView>(`/v1/destinations/${destinationId}/segments/${id}`, body);
const activationNow = async () =>
  bodyOf(await scene.api.get<DestinationView>(`/v1/destinations/${destinationId}`)).segments;

describe('a schedule', () => {
  it.each([
    ['schedule.timeZone', 'an unknown time zone', { timeZone: 'Mars/Olympus' }, /IANA name/],
    ['schedule.at', 'a time that no clock shows', { at: '24:30' }, /HH:mm/],
    ['schedule.startDate', 'a day that no calendar has', { startDate: '2099-02-30' }, /yyyy-MM-dd/],
    ['schedule.endDate', 'an end before its start', { endDate: '2098-12-31' }, /before the start/],
    ['schedule.frequency', 'a frequency that there is none of', { frequency: 'fortnightly' }, /every-3-hours/],
    ['schedule.mode', 'a mode that there is none of', { mode: 'partial' }, /incremental/],
    ['schedule.timezone', 'a misspelt field', { timezone: 'UTC' }, /did you mean "timeZone"/],
  ])('%s: %s is refused, says how it is to be written, and changes nothing', async (path, _, changes, says) => {
    const before = await activationNow();
    const answer = await activate({ schedule: { ...DAILY, ...changes } });
    expect(outcomeOf(answer)).toMatch(/^(400 invalid-input|422 schedule-invalid)$/);
    const fault = answer.problem.fields?.find((field) => field.path === path);
    expect(fault?.message).toMatch(says);
    expect(await activationNow()).toEqual(before);
  });

  it('at a time that does not exist on some day is none of these: that day it is the first instant after', async () => {
    const schedule = { ...DAILY, at: '02:30', startDate: '2099-03-29' };
    expect((await activate({ schedule })).status).toBe(200);
    expect((await activate({ schedule: null })).status).toBe(200);
  });
});

describe('a file name', () => {
  it('that two exports would share is refused, with both and with one that works', async () => {
    const answer = await activate({
      schedule: { ...DAILY, frequency: 'hourly' },
      fileName: 'weekly_%DATETIME(YYYYMMdd)%',
    });
    expect(outcomeOf(answer)).toBe('422 template-not-unique');
    expect(answer.problem.detail).toMatch(/weekly_2099\d{4}/);
    expect(answer.problem.detail).toMatch(/HHmm/);
  });

  it('that is too long is refused', async () => {
    const answer = await activate({ schedule: null, fileName: `${'x'.repeat(300)}_%TIMESTAMP%` });
    expect(outcomeOf(answer)).toMatch(/^4(00|22) /);
  });
});

describe('a segment', () => {
  it('that there is none of is not activated', async () => {
    expect(outcomeOf(await activate({ schedule: null }, 'nobody'))).toBe('404 segment-not-found');
  });
});
