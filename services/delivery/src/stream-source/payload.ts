import type { StreamSettings } from './settings.js';
import type { Membership } from './trigger.js';

/** A profile as it is read. */
export interface ProfileState {
  readonly profileId: string;
  readonly identities: Readonly<Record<string, readonly string[]>>;
  /** The mapped values as JSON texts, in the order of the mapping; null where there is nothing. */
  readonly values: readonly (string | null)[];
}

/** What an event tells beside the profile. */
export interface EventFacts {
  readonly eventId: string;
  readonly sequence: number;
  /** RFC 3339, UTC: of the change; null where the event tells of none. */
  readonly changedAt: string | null;
  readonly memberships: readonly Membership[];
  readonly replay: boolean;
}

/**
 * The JSON of an event, of which libs/contracts/profile-event.ts is the schema. Values are written as the texts that they
 * come as: a number keeps every digit.
 */
export const payloadOf = (
  settings: StreamSettings,
  profile: ProfileState,
  facts: EventFacts,
  members = membersOf(settings),
): string => {
  const mapped = writeMembers(members, profile.values);
  return `{${mapped === '' ? '' : `${mapped},`}${[
    `"segmentMembership":{"ups":{${facts.memberships.map((membership) => writeMembership(settings, membership)).join(',')}}}`,
    `"identityMap":${JSON.stringify(identityMapOf(profile.identities))}`,
    `"waybill":${JSON.stringify(envelopeOf(settings, profile, facts))}`,
  ].join(',')}}`;
};

/** A member of an object: a field of the mapping, or an object of its own. */
type Member = readonly [quotedName: string, content: number | readonly Member[]];

/** The targets of a mapping as the tree that they are: `person.name.firstName` is three levels. */
export const membersOf = ({ mapping }: Pick<StreamSettings, 'mapping'>): readonly Member[] =>
  nest(mapping.fields.map(({ target }, index) => ({ path: target.split('.'), index })));

const nest = (fields: readonly { readonly path: readonly string[]; readonly index: number }[]): readonly Member[] => {
  const byName = Map.groupBy(fields, ({ path }) => path[0] ?? '');
  return [...byName].map(([name, named]): Member => {
    const leaf = named.find(({ path }) => path.length === 1);
    const quoted = JSON.stringify(name);
    return leaf
      ? [quoted, leaf.index]
      : [quoted, nest(named.map(({ path, index }) => ({ path: path.slice(1), index })))];
  });
};

/** Without braces; empty where nothing is there to be written. */
const writeMembers = (members: readonly Member[], values: ProfileState['values']): string => {
  let text = '';
  for (const [name, content] of members) {
    const value = typeof content === 'number' ? (values[content] ?? '') : writeMembers(content, values);
    if (value === '') continue;
    text += `${text === '' ? '' : ','}${name}:${typeof content === 'number' ? value : `{${value}}`}`;
  }
  return text;
};

const writeMembership = (
  { segments, includeSegmentNames, includeSegmentTimestamps }: StreamSettings,
  { segmentId, status, since }: Membership,
): string => {
  const segment = segments.get(segmentId);
  const told = {
    lastQualificationTime: since,
    status,
    ...(includeSegmentNames && { name: segment?.name }),
    ...(includeSegmentTimestamps && {
      createdAt: segment?.createdAt,
      updatedAt: segment?.updatedAt,
      mappingCreatedAt: segment?.activatedAt,
      mappingUpdatedAt: segment?.mappingUpdatedAt,
    }),
  };
  return `${JSON.stringify(segmentId)}:${JSON.stringify(told)}`;
};

/** All identities, always. */
const identityMapOf = (identities: ProfileState['identities']) =>
  Object.fromEntries(
    Object.entries(identities).flatMap(([namespace, ids]) =>
      ids.length === 0 ? [] : [[namespace, ids.map((id) => ({ id }))]],
    ),
  );

const envelopeOf = (
  { scope, destinationId, mapping }: StreamSettings,
  { profileId }: ProfileState,
  { eventId, sequence, changedAt, replay }: EventFacts,
) => ({
  version: 1,
  eventId,
  profileId,
  sequence,
  ...(changedAt !== null && { changedAt }),
  tenant: scope.tenant,
  sandbox: scope.sandbox,
  destinationId,
  mappingRevision: mapping.revision,
  replay,
});
