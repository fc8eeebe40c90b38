import { type Mapping, parseSource } from '@waybill/contracts';

export interface Membership {
  readonly segmentId: string;
  readonly status: 'realized' | 'exited';
  /** RFC 3339, UTC. */
  readonly since: string;
}

/** What one transaction changed of one profile. */
export interface ProfileChange {
  readonly change: number;
  /** The statuses that changed, by segment; of segments of others too. */
  readonly memberships: Readonly<Record<string, Omit<Membership, 'segmentId'>>>;
  readonly identitiesChanged: boolean;
  readonly attributesWritten: readonly string[];
  readonly attributesChanged: readonly string[];
}

/** A membership as it stands when the change is read. */
export interface MembershipNow extends Membership {
  /** What brought the status. */
  readonly change: number;
}

/** Which segments are on, each with the change after which the destination is told of it. */
export type SinceBySegment = ReadonlyMap<string, number>;

/**
 * Why a change is not told: `not-a-member` of any segment that is on; `not-mapped`: what was written the destination does
 * not get; `unchanged`: written with the value it had, where only changes count; `overtaken`: the profile entered or left a
 * segment since, which is told by a later event with the same attributes.
 */
export type LeftOutReason = 'not-a-member' | 'not-mapped' | 'unchanged' | 'overtaken';

export type Verdict =
  | { readonly send: true; /** As of the change. */ readonly memberships: readonly Membership[] }
  | { readonly send: false; readonly reason: LeftOutReason };

/** The memberships as of a change. One that changed later is left to the event of that change: its status then is not known. */
export const membershipsAt = (
  change: Pick<ProfileChange, 'change' | 'memberships'>,
  now: readonly MembershipNow[],
  segments: SinceBySegment,
): readonly Membership[] => [
  ...movesOf(change, segments),
  ...now.filter(
    ({ segmentId, change: at }) =>
      at <= change.change &&
      !Object.hasOwn(change.memberships, segmentId) &&
      (segments.get(segmentId) ?? Infinity) < change.change,
  ),
];

const movesOf = (
  { change, memberships }: Pick<ProfileChange, 'change' | 'memberships'>,
  segments: SinceBySegment,
): readonly Membership[] =>
  Object.entries(memberships).flatMap(([segmentId, membership]) =>
    (segments.get(segmentId) ?? Infinity) < change ? [{ segmentId, ...membership }] : [],
  );

/** Whether a destination is to be told of a change (docs/streams.md). */
export const verdictOn = (
  change: ProfileChange,
  now: readonly MembershipNow[],
  segments: SinceBySegment,
  mapped: ReadonlySet<string>,
  onlyChanges: boolean,
): Verdict => {
  const memberships = membershipsAt(change, now, segments);
  if (movesOf(change, segments).length > 0) return { send: true, memberships };
  if (!memberships.some(({ status }) => status === 'realized')) {
    const movedLater = now.some(
      ({ segmentId, change: at }) => at > change.change && (segments.get(segmentId) ?? Infinity) < change.change,
    );
    return { send: false, reason: movedLater ? 'overtaken' : 'not-a-member' };
  }
  const isMapped = (name: string): boolean => mapped.has(name);
  if (change.identitiesChanged) return { send: true, memberships };
  if ((onlyChanges ? change.attributesChanged : change.attributesWritten).some(isMapped)) {
    return { send: true, memberships };
  }
  return { send: false, reason: change.attributesWritten.some(isMapped) ? 'unchanged' : 'not-mapped' };
};

/** The attributes whose writing may change what is mapped: `attributes.a.b` is the one named `a.b`, or a member of `a`. */
export const mappedAttributes = (fields: Mapping['fields']): ReadonlySet<string> =>
  new Set(
    fields.flatMap(({ source: text }) => {
      const source = parseSource(text);
      if (source.kind !== 'attribute') return [];
      return [source.name, source.name.slice(0, (source.name + '.').indexOf('.'))];
    }),
  );
