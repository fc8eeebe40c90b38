import fc from 'fast-check';
import { DateTime } from 'luxon';
import { checkSchedule, dueSlot, nextSlots } from './schedule.js';
import type { Frequency, Schedule } from './shapes.js';

const schedule = (more: Partial<Schedule> = {}): Schedule => ({
  mode: 'full',
  frequency: 'daily',
  at: '06:30',
  timeZone: 'UTC',
  startDate: '2026-11-23',
  ...more,
});
const LONG_AGO = '2000-01-01T00:00:00Z';
const slots = (more: Partial<Schedule>, count: number, after = LONG_AGO) =>
  nextSlots(schedule(more), after, count).map((slot) => slot.replace(':00.000Z', 'Z'));

describe('A schedule', () => {
  it('once has one slot', () => {
    expect(slots({ frequency: 'once' }, 9)).toEqual(['2026-11-23T06:30Z']);
  });

  it('daily begins on the start date, at the time on the clock of its zone', () => {
    expect(slots({ timeZone: 'Asia/Kolkata' }, 2)).toEqual(['2026-11-23T01:00Z', '2026-11-24T01:00Z']);
  });

  it('ends with the end date, which is inclusive', () => {
    expect(slots({ endDate: '2026-11-24' }, 9)).toEqual(['2026-11-23T06:30Z', '2026-11-24T06:30Z']);
  });

  it('includes the evening of the end date in a zone that lags behind', () => {
    expect(slots({ at: '23:30', timeZone: 'America/Los_Angeles', endDate: '2026-11-23' }, 9)).toEqual([
      '2026-11-24T07:30Z',
    ]);
  });

  it('every 6 hours keeps whole steps from its time, from the start on', () => {
    expect(slots({ frequency: 'every-6-hours', at: '13:15', endDate: '2026-11-24' }, 9)).toEqual([
      '2026-11-23T13:15Z',
      '2026-11-23T19:15Z',
      '2026-11-24T01:15Z',
      '2026-11-24T07:15Z',
      '2026-11-24T13:15Z',
      '2026-11-24T19:15Z',
    ]);
  });

  it.each<[Frequency, number]>([
    ['hourly', 24],
    ['every-3-hours', 8],
    ['every-6-hours', 4],
    ['every-8-hours', 3],
    ['every-12-hours', 2],
    ['daily', 1],
  ])('%s has %i slots a day', (frequency, count) => {
    expect(slots({ frequency, at: '00:00', endDate: '2026-11-23' }, 99)).toHaveLength(count);
  });

  it('weekly falls on the weekday of the start date', () => {
    expect(slots({ frequency: 'weekly' }, 3)).toEqual(['2026-11-23T06:30Z', '2026-11-30T06:30Z', '2026-12-07T06:30Z']);
  });

  it('monthly falls on the day of the start date, or the last of a shorter month', () => {
    expect(slots({ frequency: 'monthly', startDate: '2027-10-31' }, 6)).toEqual([
      '2027-10-31T06:30Z',
      '2027-11-30T06:30Z',
      '2027-12-31T06:30Z',
      '2028-01-31T06:30Z',
      '2028-02-29T06:30Z',
      '2028-03-31T06:30Z',
    ]);
  });

  it('goes on strictly after an instant', () => {
    expect(slots({ frequency: 'monthly', startDate: '2026-01-31' }, 2, '2026-02-28T06:30:00Z')).toEqual([
      '2026-03-31T06:30Z',
      '2026-04-30T06:30Z',
    ]);
  });
});

describe('Daylight saving', () => {
  const berlin = { timeZone: 'Europe/Berlin', at: '02:30' };

  it('a time that does not exist on that day is the first instant after it', () => {
    expect(slots({ ...berlin, startDate: '2027-03-27' }, 3)).toEqual([
      '2027-03-27T01:30Z',
      '2027-03-28T01:00Z',
      '2027-03-29T00:30Z',
    ]);
  });

  it('a time that is there twice counts once, the first time', () => {
    expect(slots({ ...berlin, startDate: '2027-10-30' }, 3)).toEqual([
      '2027-10-30T00:30Z',
      '2027-10-31T00:30Z',
      '2027-11-01T01:30Z',
    ]);
  });

  it('a slot moved by the jump and the next one at that very instant are one', () => {
    const three = {
      frequency: 'every-3-hours',
      at: '00:00',
      timeZone: 'America/Sao_Paulo',
      startDate: '2018-11-03',
    } as const;
    // On 4 November 2018 the clocks there jumped from 00:00 to 01:00.
    expect(slots(three, 99, '2018-11-04T00:00:00Z').slice(0, 2)).toEqual(['2018-11-04T03:00Z', '2018-11-04T05:00Z']);
  });

  it('hourly goes by the hours that really pass', () => {
    const hourly = { ...berlin, frequency: 'hourly', at: '00:30' } as const;
    expect(slots({ ...hourly, startDate: '2027-03-28' }, 3)).toEqual([
      '2027-03-27T23:30Z',
      '2027-03-28T00:30Z',
      '2027-03-28T01:30Z',
    ]);
    expect(slots({ ...hourly, startDate: '2027-10-31' }, 5)).toEqual([
      '2027-10-30T22:30Z',
      '2027-10-30T23:30Z',
      '2027-10-31T00:30Z',
      '2027-10-31T01:30Z',
      '2027-10-31T02:30Z',
    ]);
  });

  it('a whole day that a zone left out is made up for right after it', () => {
    // Samoa went from 29 to 31 December 2011, to the other side of the date line.
    expect(slots({ timeZone: 'Pacific/Apia', at: '12:00', startDate: '2011-12-29' }, 3)).toEqual([
      '2011-12-29T22:00Z',
      '2011-12-30T10:00Z',
      '2011-12-30T22:00Z',
    ]);
  });
});

describe('Over two years, in zones of every kind', () => {
  const zones = [
    'UTC',
    'Europe/Berlin',
    'America/New_York',
    'America/St_Johns',
    'Australia/Lord_Howe',
    'Africa/Casablanca',
    'Asia/Kathmandu',
    'Pacific/Chatham',
    'Pacific/Kiritimati',
    'Pacific/Pago_Pago',
    'America/Sao_Paulo',
    'Asia/Tehran',
  ];
  const MINUTE = 60_000;
  const arbitrary = fc.record({
    timeZone: fc.constantFrom(...zones),
    at: fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((n) => String(n).padStart(2, '0')).join(':')),
    startDate: fc
      .integer({ min: 0, max: 6000 })
      .map((days) => DateTime.utc(2012, 1, 1).plus({ days }).toFormat('yyyy-MM-dd')),
  });
  const clockAt = (millis: number, zone: string) =>
    DateTime.fromMillis(millis, { zone }).toFormat("yyyy-MM-dd'T'HH:mm");

  it('daily has exactly one slot a day, at its time or at the jump over it', () => {
    fc.assert(
      fc.property(arbitrary, (parts) => {
        const all = nextSlots(schedule(parts), LONG_AGO, 731).map((slot) => Date.parse(slot));
        all.forEach((slot, index) => {
          const wanted = `${DateTime.fromISO(parts.startDate, { zone: 'utc' }).plus({ days: index }).toFormat('yyyy-MM-dd')}T${parts.at}`;
          const shown = clockAt(slot, parts.timeZone);
          if (shown === wanted) {
            for (const earlier of [30, 60, 120])
              expect(clockAt(slot - earlier * MINUTE, parts.timeZone)).not.toBe(wanted);
          } else {
            expect(shown > wanted).toBe(true);
            expect(clockAt(slot - MINUTE, parts.timeZone) < wanted).toBe(true);
          }
        });
        expect(new Set(all).size).toBe(731);
        expect([...all].sort((a, b) => a - b)).toEqual(all);
      }),
      { numRuns: 8 },
    );
  });

  it('hourly leaves out no hour and doubles none', () => {
    const wholeHours = zones.filter((zone) => zone !== 'Australia/Lord_Howe');
    fc.assert(
      fc.property(arbitrary, fc.constantFrom(...wholeHours), (parts, timeZone) => {
        const all = nextSlots(schedule({ ...parts, timeZone, frequency: 'hourly' }), LONG_AGO, 24 * 731).map((slot) =>
          Date.parse(slot),
        );
        all.forEach((slot, index) => {
          if (index > 0 && slot - all[index - 1]! !== 60 * MINUTE)
            throw new Error(`${timeZone} ${new Date(slot).toISOString()}`);
        });
      }),
      { numRuns: 2 },
    );
  });

  it('what is next does not depend on where one begins to look', () => {
    const frequency = fc.constantFrom<Frequency>(
      'once',
      'hourly',
      'every-3-hours',
      'every-8-hours',
      'daily',
      'weekly',
      'monthly',
    );
    fc.assert(
      fc.property(arbitrary, frequency, fc.integer({ min: 0, max: 40 }), (parts, frequency, skip) => {
        const all = nextSlots(schedule({ ...parts, frequency }), LONG_AGO, skip + 3);
        const from = all[skip];
        if (from === undefined) return;
        expect(nextSlots(schedule({ ...parts, frequency }), from, 2)).toEqual(all.slice(skip + 1));
      }),
    );
  });

  it('the due slot is the latest of those that are over', () => {
    const frequency = fc.constantFrom<Frequency>('once', 'every-12-hours', 'daily', 'weekly', 'monthly');
    fc.assert(
      fc.property(
        arbitrary,
        frequency,
        fc.integer({ min: 0, max: 400 * 24 * 60 }),
        fc.boolean(),
        (parts, frequency, minutes, ends) => {
          const start = DateTime.fromISO(parts.startDate, { zone: 'utc' });
          const plan = schedule({
            ...parts,
            frequency,
            ...(ends && { endDate: start.plus({ days: 100 }).toFormat('yyyy-MM-dd') }),
          });
          const now = start.plus({ minutes }).toJSDate().toISOString();
          const over = nextSlots(plan, LONG_AGO, 900).filter((slot) => Date.parse(slot) <= Date.parse(now));
          expect(dueSlot(plan, LONG_AGO, now)).toBe(over.at(-1) ?? null);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('The due slot', () => {
  const daily = schedule({ startDate: '2026-11-01' });

  it('is none before its time, and none twice', () => {
    expect(dueSlot(daily, '2026-11-22T06:30:00.000Z', '2026-11-23T06:29:59Z')).toBeNull();
    expect(dueSlot(daily, '2026-11-22T06:30:00.000Z', '2026-11-23T06:30:00Z')).toBe('2026-11-23T06:30:00.000Z');
    expect(dueSlot(daily, '2026-11-23T06:30:00.000Z', '2026-11-23T23:00:00Z')).toBeNull();
  });

  it('stands for all that were missed while nobody was there', () => {
    expect(dueSlot(daily, '2026-11-02T06:30:00Z', '2026-11-22T12:00:00Z')).toBe('2026-11-22T06:30:00.000Z');
  });

  it('is found long after the schedule ended', () => {
    const ended = schedule({ startDate: '2020-01-31', frequency: 'monthly', endDate: '2020-03-30' });
    expect(dueSlot(ended, '2020-01-01T00:00:00Z', '2026-11-22T12:00:00Z')).toBe('2020-02-29T06:30:00.000Z');
  });
});

describe('A schedule is refused', () => {
  it.each<[string, Partial<Schedule>, string]>([
    ['for a time zone that nobody knows', { timeZone: 'Mars/Olympus' }, 'schedule.timeZone'],
    ['for an empty time zone', { timeZone: '' }, 'schedule.timeZone'],
    ['for a time that no clock shows', { at: '24:00' }, 'schedule.at'],
    ['for a time without minutes', { at: '6' }, 'schedule.at'],
    ['for a day that is in no calendar', { startDate: '2026-02-30' }, 'schedule.startDate'],
    ['for a date written otherwise', { endDate: '1.12.2026' }, 'schedule.endDate'],
    ['for an end before the start', { endDate: '2026-11-22' }, 'schedule.endDate'],
  ])('%s', (_, more, path) => {
    expect(() => checkSchedule(schedule(more))).toThrow(
      expect.objectContaining({
        slug: 'schedule-invalid',
        kind: 'refused',
        fields: [expect.objectContaining({ path })],
      }) as Error,
    );
  });

  it('and taken when nothing is wrong with it, on its last day too', () => {
    expect(() => checkSchedule(schedule({ endDate: '2026-11-23' }))).not.toThrow();
  });
});
