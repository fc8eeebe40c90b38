import Type from 'typebox';
import { defineAnsweredCommand, defineEvent, defineQuestion } from './define.js';
import { ClientId, Count, Revision, Sha256, Time, Watermark } from './shapes.js';
import { MEMBERSHIPS_TOPIC } from './topics.js';

const about = { segmentId: ClientId, revision: Revision };

export const SegmentDefined = defineEvent('audience', 'SegmentDefined', Type.Object({ ...about, name: Type.String() }));
export const SegmentRevised = defineEvent('audience', 'SegmentRevised', Type.Object({ ...about, name: Type.String() }));
export const SegmentLoaded = defineEvent(
  'audience',
  'SegmentLoaded',
  Type.Object({
    ...about,
    mode: Type.Enum(['merge', 'replace']),
    received: Count,
    accepted: Count,
    entered: Count,
    exited: Count,
    unchanged: Count,
    rejected: Count,
    sha256: Sha256,
  }),
);

/** Comes from other systems: a profile's status in one segment and, where given, what is known of the profile. */
export const MembershipReported = defineEvent(
  'audience',
  'MembershipReported',
  Type.Object({
    segmentId: ClientId,
    profileId: ClientId,
    /** `existing` is read as `realized`. */
    status: Type.Enum(['realized', 'existing', 'exited']),
    /** When it came about: of two reports of one membership the later one wins, and so it does in what it says of the profile. */
    at: Time,
    identities: Type.Optional(Type.Record(Type.String(), Type.Union([ClientId, Type.Array(ClientId)]))),
    attributes: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  }),
  MEMBERSHIPS_TOPIC,
);

/** One entry for each id asked about, in that order; `name` is null for a segment that does not exist. */
export const DescribeSegments = defineQuestion(
  'audience',
  'DescribeSegments',
  Type.Object({ segmentIds: Type.Array(ClientId, { minItems: 1, maxItems: 1000 }) }),
  Type.Object({
    segments: Type.Array(
      Type.Object({
        segmentId: ClientId,
        exists: Type.Boolean(),
        name: Type.Union([Type.String(), Type.Null()]),
        members: Count,
        /** Of the definition; of the last change to it or to its members. */
        createdAt: Type.Optional(Time),
        updatedAt: Type.Optional(Time),
      }),
    ),
  }),
);

/** The change number up to which everything is committed: a run that reads up to it misses nothing and can go on from it. */
export const WatermarkNow = defineQuestion(
  'audience',
  'WatermarkNow',
  Type.Object({}),
  Type.Object({ watermark: Watermark }),
);

/** Makes a segment under an id of the sender's, or revises the one that is there. */
export const DefineSegment = defineAnsweredCommand(
  'audience',
  'DefineSegment',
  Type.Object({ segmentId: ClientId, name: Type.String({ minLength: 1 }), description: Type.Optional(Type.String()) }),
  Type.Object(about),
);
