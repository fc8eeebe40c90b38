import Type from 'typebox';
import type { Data } from './define.js';
import { ClientId, Count, Id, Revision, Time } from './shapes.js';

const UnixMilliseconds = Type.Integer({ minimum: 0 });

const Membership = Type.Object({
  lastQualificationTime: Type.String({ format: 'date-time', description: 'When the status came about.' }),
  status: Type.Enum(['realized', 'exited']),
  name: Type.Optional(Type.String({ description: 'Of the segment; with includeSegmentNames.' })),
  createdAt: Type.Optional(
    Type.Integer({
      ...UnixMilliseconds,
      description: 'Of the segment, Unix milliseconds; with includeSegmentTimestamps.',
    }),
  ),
  updatedAt: Type.Optional(UnixMilliseconds),
  mappingCreatedAt: Type.Optional(
    Type.Integer({ ...UnixMilliseconds, description: 'When the segment was activated for the destination.' }),
  ),
  mappingUpdatedAt: Type.Optional(UnixMilliseconds),
});

const Envelope = Type.Object(
  {
    version: Type.Literal(1, { description: 'Of this schema. Members may be added without a new one.' }),
    eventId: Type.String({
      format: 'uuid',
      description: 'The same on every delivery of the event: a repeated one is known by it.',
    }),
    profileId: ClientId,
    sequence: Type.Integer({
      ...Count,
      description:
        'Grows with the changes of a profile: of two events of one profile that with the smaller number is the older.',
    }),
    changedAt: Type.Optional({
      ...Time,
      description: 'Of the change; absent in a backfill and a replay, which tell of none.',
    }),
    tenant: Type.String(),
    sandbox: Type.String(),
    destinationId: Id,
    mappingRevision: Revision,
    replay: Type.Boolean({ description: 'Sent again on request.' }),
  },
  { description: 'What Waybill says of the event itself.' },
);

/**
 * One event of a stream: a profile after a change. Mapped attributes stand beside these members, nested as the targets of
 * the mapping say.
 */
export const ProfileEventPayload = Type.Object(
  {
    segmentMembership: Type.Object({
      ups: Type.Record(Type.String(), Membership, {
        description:
          'By segment: those of the destination that the profile is or was in. One that changed later is left to its own event.',
      }),
    }),
    identityMap: Type.Record(Type.String(), Type.Array(Type.Object({ id: Type.String() }), { minItems: 1 }), {
      description: 'All identities, lists by namespace.',
    }),
    waybill: Envelope,
  },
  {
    description: 'A profile after a change, as it is sent to a stream or a hub. Mapped attributes are further members.',
  },
);
export type ProfileEventPayload = Data<typeof ProfileEventPayload>;

const EXAMPLE: ProfileEventPayload & Readonly<Record<string, unknown>> = {
  person: { name: { firstName: 'Anna' } },
  personalEmail: { address: 'anna@example.com' },
  segmentMembership: {
    ups: { loyal: { lastQualificationTime: '2026-11-22T08:00:00.000Z', status: 'realized' } },
  },
  identityMap: { email: [{ id: 'anna@example.com' }], crm: [{ id: '4711' }, { id: '4712' }] },
  waybill: {
    version: 1,
    eventId: 'f3c1b0a2-6f0e-5d0b-9a55-6c5f1f8a2c11',
    profileId: '4711',
    sequence: 42,
    changedAt: '2026-11-22T08:00:00.123Z',
    tenant: 'acme',
    sandbox: 'prod',
    destinationId: '0197f0c4-7a10-4c3e-9b1e-000000000002',
    mappingRevision: 1,
    replay: false,
  },
};

/** JSON Schema 2020-12, as it is served (`GET /v1/schemas/profile-event.json`). */
export const PROFILE_EVENT_SCHEMA: Readonly<Record<string, unknown>> = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'Profile event',
  ...(JSON.parse(JSON.stringify(ProfileEventPayload)) as object),
  examples: [EXAMPLE],
};
