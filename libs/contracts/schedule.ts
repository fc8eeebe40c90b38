import { type FieldError, WaybillError } from '@waybill/kernel';
import { DateTime, IANAZone } from 'luxon';
import type { Frequency, Schedule } from './shapes.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** Hours between two slots of one day. */
const STEP_HOURS: Readonly<Partial<Record<Frequency, number>>> = {
  hourly: 1,
  'every-3-hours': 3,
  'every-6-hours': 6,
  'every-8-hours': 8,
  'every-12-hours': 12,
};

const TIME = /^([01]\d|2[0-3]):([0-5]\d)$/;

/** A day of the calendar, as its midnight in UTC; undefined for `2026-02-30` and for what is no date. */
const dayOf = (date: string): DateTime | undefined => {
  const day = DateTime.fromFormat(date, 'yyyy-MM-dd', { zone: 'utc' });
  return day.isValid ? day : undefined;
};

/**
 * Throws `schedule-invalid` (refused) that names every fault: a time that is no `HH:mm`, an unknown time zone, a date that
 * is none, an end before the start. Every frequency goes with both modes.
 */
export const checkSchedule = (schedule: Schedule): void => {
  const faults: FieldError[] = [];
  const { at, timeZone, startDate, endDate } = schedule;
  if (!TIME.test(at))
    faults.push({ path: 'schedule.at', message: `"${at}" is no time of day; write HH:mm, such as 06:30` });
  if (!IANAZone.isValidZone(timeZone)) {
    faults.push({
      path: 'schedule.timeZone',
      message: `"${timeZone}" is no known time zone; write an IANA name such as Europe/Berlin, or UTC`,
    });
  }
  for (const [path, date] of [
    ['startDate', startDate],
    ['endDate', endDate],
  ] as const) {
    if (date !== undefined && !dayOf(date)) {
      faults.push({ path: `schedule.${path}`, message: `"${date}" is no day of the calendar; write yyyy-MM-dd` });
    }
  }
  if (faults.length === 0 && endDate !== undefined && endDate < startDate) {
    faults.push({
      path: 'schedule.endDate',
      message: `${endDate} is before the start date ${startDate}; the end date is the last day on which an export may begin`,
    });
  }
  if (faults.length > 0) {
    const detail = faults.map(({ path, message }) => `${path}: ${message}`).join('; ');
    throw new WaybillError('schedule-invalid', 'refused', `The schedule cannot be used: ${detail}.`, {
      fields: faults,
    });
  }
};

/** The days on which slots may begin, in order, from `from` or the day before it on. */
function* daysOf({ frequency, startDate, endDate }: Schedule, from: DateTime): Generator<DateTime> {
  const start = DateTime.fromISO(startDate, { zone: 'utc' });
  const unit = frequency === 'monthly' ? 'months' : frequency === 'weekly' ? 'weeks' : 'days';
  const skipped = Math.max(0, Math.floor(from.diff(start, unit).as(unit)) - 1);
  // Counted from the start each time: a monthly 31st is the 28th in February and the 31st again in March.
  for (let count = skipped; ; count += 1) {
    const day = start.plus({ [unit]: count });
    if (endDate !== undefined && day.toFormat('yyyy-MM-dd') > endDate) return;
    yield day;
    if (frequency === 'once') return;
  }
}

/** Minutes after midnight at which the clock shows a slot. */
const minutesOf = ({ at, frequency }: Schedule): readonly number[] => {
  const [hours = 0, minutes = 0] = at.split(':').map(Number);
  const step = STEP_HOURS[frequency] ?? 24;
  return Array.from({ length: 24 / step }, (_, index) => ((hours % step) + index * step) * 60 + minutes);
};

/** When the clocks of a zone show a time of a day: twice when they are set back, never when they jump over it. */
const instantsOf = (clock: number, zone: IANAZone): readonly number[] => {
  const offsets = [...new Set([zone.offset(clock - DAY), zone.offset(clock + DAY)])];
  return offsets
    .map((offset) => ({ offset, instant: clock - offset * MINUTE }))
    .filter(({ offset, instant }) => zone.offset(instant) === offset)
    .map(({ instant }) => instant)
    .sort((a, b) => a - b);
};

/** The instant at which the clocks jumped over a time. */
const jumpOver = (clock: number, zone: IANAZone): number => {
  let before = clock - zone.offset(clock + DAY) * MINUTE;
  let after = clock - zone.offset(clock - DAY) * MINUTE;
  const offset = zone.offset(after);
  while (after - before > MINUTE) {
    const middle = before + Math.floor((after - before) / MINUTE / 2) * MINUTE;
    if (zone.offset(middle) === offset) after = middle;
    else before = middle;
  }
  return after;
};

/**
 * The slots strictly after an instant, in order; RFC 3339, UTC. The first is at `at` on the start date, the last on the end
 * date, which is inclusive. Weekly means the weekday of the start date, monthly its day or, in a shorter month, the last;
 * every n hours means the times of day that lie whole steps away from `at`.
 *
 * Daylight saving: a time that the clocks jump over gives the first instant after the jump; one that they show twice gives
 * the first of the two. Only hourly goes by the hours that really pass: none for the hour left out, two for the doubled one.
 */
export function* slotsOf(schedule: Schedule, after: string): Generator<string> {
  const zone = IANAZone.create(schedule.timeZone);
  const minutes = minutesOf(schedule);
  const first = Date.parse(`${schedule.startDate}T${schedule.at}:00Z`);
  let last = Date.parse(after);
  for (const day of daysOf(schedule, DateTime.fromMillis(last, { zone: 'utc' }))) {
    for (const minute of minutes) {
      const clock = day.toMillis() + minute * MINUTE;
      if (clock < first) continue;
      const instants = instantsOf(clock, zone);
      const slots = schedule.frequency === 'hourly' ? instants : [instants[0] ?? jumpOver(clock, zone)];
      for (const slot of slots) {
        if (slot <= last) continue;
        last = slot;
        yield new Date(slot).toISOString();
      }
    }
  }
}

export const nextSlots = (schedule: Schedule, after: string, count: number): readonly string[] => {
  const next: string[] = [];
  for (const slot of slotsOf(schedule, after)) {
    if (next.push(slot) >= count) break;
  }
  return next;
};

/** More than the last slot can lie before the end of a schedule, and two slots from each other. */
const LONGEST_GAP = 36 * DAY;

/**
 * The slot to run now, or null: the latest one after `since` (the slot that ran last, or when the schedule began to count)
 * and not after `now`. Slots missed in between are run once, as this one.
 */
export const dueSlot = (schedule: Schedule, since: string, now: string): string | null => {
  const lastDay = schedule.frequency === 'once' ? schedule.startDate : schedule.endDate;
  const end = lastDay === undefined ? Infinity : Date.parse(lastDay) + 2 * DAY;
  const from = Math.max(Date.parse(since), Math.min(Date.parse(now), end) - LONGEST_GAP);
  let due: string | null = null;
  for (const slot of slotsOf(schedule, new Date(from).toISOString())) {
    if (Date.parse(slot) > Date.parse(now)) break;
    due = slot;
  }
  return due;
};
