import { fileNameOf, type Schedule, slotsOf } from '@waybill/contracts';
import { type Scope, WaybillError } from '@waybill/kernel';

export interface Segment {
  readonly id: string;
  readonly name: string;
}

/** What the names of a segment's files depend on. */
export interface Naming {
  readonly segment: Segment;
  readonly schedule: Schedule | null;
  /** Template, without extension. */
  readonly fileName: string;
}

export interface NamingContext {
  readonly scope: Scope;
  readonly destination: { readonly id: string; readonly name: string; readonly type: string };
  /** From when on exports are simulated; RFC 3339, UTC. */
  readonly at: string;
  /** The folder of a segment's files, its macros expanded. */
  readonly folderOf: (segment: Segment) => string;
}

const DAY = 24 * 60 * 60_000;
const MONTH = 31 * DAY;
/** So that a monthly schedule is tried over a year. */
const FEWEST_SLOTS = 13;

/** A month of exports; without a schedule, one a day. */
const simulatedTimes = (schedule: Schedule | null, at: string): readonly string[] => {
  if (!schedule) return Array.from({ length: 31 }, (_, day) => new Date(Date.parse(at) + day * DAY).toISOString());
  const times: string[] = [];
  for (const slot of slotsOf(schedule, at)) {
    if (times.length >= FEWEST_SLOTS && Date.parse(slot) > Date.parse(times[0] ?? at) + MONTH) break;
    times.push(slot);
  }
  return times;
};

interface Export {
  readonly segmentId: string;
  readonly at: string;
  readonly path: string;
}

/**
 * Throws `template-not-unique` (refused) when two exports of a simulated month would have the same path: two of `changed`,
 * or one of it and one of the destination's other activations. Names that fall together all the same, such as those of two
 * exports asked for in one second, are told apart by their revision (`partName`).
 */
export const checkDistinctNames = (changed: Naming, others: readonly Naming[], context: NamingContext): void => {
  const times = new Map<string, readonly string[]>();
  const timesOf = (schedule: Schedule | null): readonly string[] => {
    const key = JSON.stringify(schedule);
    const known = times.get(key) ?? simulatedTimes(schedule, context.at);
    times.set(key, known);
    return known;
  };
  const exportsOf = ({ segment, schedule, fileName }: Naming): readonly Export[] => {
    const folder = context.folderOf(segment);
    const { scope, destination } = context;
    const nameAt = fileNameOf(fileName, { scope, destination, segment });
    return timesOf(schedule).map((at) => ({ segmentId: segment.id, at, path: `${folder}/${nameAt(at)}` }));
  };

  const taken = new Map<string, Export>();
  for (const one of exportsOf(changed)) {
    const other = taken.get(one.path);
    if (other) throw notUnique(changed.fileName, `${changed.fileName}_%DATETIME(YYYYMMdd_HHmmss)%`, other, one);
    taken.set(one.path, one);
  }
  for (const other of others) {
    for (const one of exportsOf(other)) {
      const mine = taken.get(one.path);
      if (mine) throw notUnique(changed.fileName, `${changed.fileName}_%SEGMENT_ID%`, mine, one);
    }
  }
};

const notUnique = (template: string, proposal: string, a: Export, b: Export): WaybillError => {
  const detail =
    `With the file name "${template}", the export of segment "${a.segmentId}" at ${a.at} and that of segment "${b.segmentId}" ` +
    `at ${b.at} would both be "${a.path}". Take "${proposal}" instead.`;
  return new WaybillError('template-not-unique', 'refused', detail, {
    fields: [{ path: 'fileName', message: `gives two exports one name; take "${proposal}" instead` }],
    extra: { proposal, collision: [a, b] },
  });
};
