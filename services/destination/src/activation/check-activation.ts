import {
  checkFileName,
  checkFileNameLength,
  checkSchedule,
  DEFAULT_FILE_NAME,
  extensionOf,
  fileNameOf,
  type FilesOptions,
  nextSlots,
  type Schedule,
} from '@waybill/contracts';
import { canonicalJson, WaybillError } from '@waybill/kernel';
import { checkDistinctNames, type Naming, type NamingContext, type Segment } from './distinct-names.js';

export interface ActivationInput {
  readonly segment: Segment;
  readonly schedule: Schedule | null;
  /** Default: `DEFAULT_FILE_NAME`. */
  readonly fileName?: string;
}

/** The activation of a segment as a files destination records it, or the reason why not. */
export const checkActivation = (
  input: ActivationInput,
  files: FilesOptions,
  current: Naming | undefined,
  others: readonly Naming[],
  context: NamingContext,
): Naming => {
  const { segment, schedule, fileName = DEFAULT_FILE_NAME } = input;
  if (schedule && canonicalJson(schedule) !== canonicalJson(current?.schedule)) {
    checkSchedule(schedule);
    if (nextSlots(schedule, context.at, 1).length === 0) throw noSlotLeft(schedule);
  }
  checkFileName(fileName);
  const { scope, destination, at } = context;
  // Whether an encryption key comes later is not known yet: the longest extension counts.
  checkFileNameLength(fileNameOf(fileName, { scope, destination, segment })(at), extensionOf(files, true));
  const naming = { segment, schedule, fileName };
  checkDistinctNames(naming, others, context);
  return naming;
};

/** Streams deliver each change as it comes: there is nothing to schedule and no file to name. */
export const checkLiveActivation = ({ schedule, fileName }: ActivationInput): void => {
  if (schedule === null && fileName === undefined) return;
  const path = schedule === null ? 'fileName' : 'schedule';
  throw new WaybillError(
    'activation-is-live',
    'refused',
    'This destination delivers events as they happen, so its segments have neither a schedule nor a file name. Send {}.',
    { fields: [{ path, message: 'does not apply to a destination that delivers events' }] },
  );
};

const noSlotLeft = ({ frequency, startDate, endDate, at, timeZone }: Schedule): WaybillError => {
  const end = frequency === 'once' || endDate === undefined ? '' : ` and ends on ${endDate}`;
  return new WaybillError(
    'schedule-over',
    'refused',
    `The schedule begins on ${startDate} at ${at} (${timeZone})${end}: no export would ever begin. Take a later date, or ask for an export now.`,
    { fields: [{ path: 'schedule', message: 'has no slot left' }] },
  );
};
