import { PROFILE_EVENT_SCHEMA, type ProfileEventPayload } from '@waybill/contracts';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { type EventFacts, payloadOf, type ProfileState } from './payload.js';
import type { StreamSettings } from './settings.js';

const validate = new Ajv2020({ validateFormats: false, allErrors: true }).compile(PROFILE_EVENT_SCHEMA);

const settingsWith = (targets: readonly string[], more: Partial<StreamSettings> = {}): StreamSettings => ({
  scope: { tenant: 'acme', sandbox: 'prod' },
  destinationId: '0197f0c4-7a10-4c3e-9b1e-000000000002',
  mapping: {
    revision: 2,
    fields: targets.map((target) => ({ source: 'attributes.x', target, required: false, key: false })),
  },
  includeSegmentNames: false,
  includeSegmentTimestamps: false,
  onlyChanges: false,
  partitionKey: 'profile.id',
  segments: new Map([
    ['s', { segmentId: 's', activatedAt: 3, mappingUpdatedAt: 4, name: 'Loyal', createdAt: 1, updatedAt: 2 }],
  ]),
  ...more,
});
const profile: ProfileState = {
  profileId: 'p',
  identities: { email: ['a@x', 'b@x'], 'odd "name"': ['1'], none: [] },
  values: [],
};
const facts: EventFacts = {
  eventId: '0197f0c4-7a10-4c3e-9b1e-000000000009',
  sequence: 7,
  changedAt: '2026-11-22T08:00:00.000Z',
  memberships: [{ segmentId: 's', status: 'realized', since: '2026-11-22T08:00:00.000Z' }],
  replay: false,
};
const parsed = (
  settings: StreamSettings,
  values: readonly (string | null)[],
  more: Partial<EventFacts> = {},
): ProfileEventPayload & Readonly<Record<string, unknown>> => {
  const payload: unknown = JSON.parse(payloadOf(settings, { ...profile, values }, { ...facts, ...more }));
  validate(payload);
  expect(validate.errors).toBeNull();
  return payload as ProfileEventPayload & Readonly<Record<string, unknown>>;
};

describe('The payload of an event', () => {
  it('has memberships, identities and the envelope, whatever is mapped', () => {
    expect(parsed(settingsWith([]), [])).toEqual({
      segmentMembership: { ups: { s: { lastQualificationTime: '2026-11-22T08:00:00.000Z', status: 'realized' } } },
      identityMap: { email: [{ id: 'a@x' }, { id: 'b@x' }], 'odd "name"': [{ id: '1' }] },
      waybill: {
        version: 1,
        eventId: facts.eventId,
        profileId: 'p',
        sequence: 7,
        changedAt: '2026-11-22T08:00:00.000Z',
        tenant: 'acme',
        sandbox: 'prod',
        destinationId: '0197f0c4-7a10-4c3e-9b1e-000000000002',
        mappingRevision: 2,
        replay: false,
      },
    });
  });

  it('nests mapped values as their targets say', () => {
    const settings = settingsWith(['person.name.firstName', 'city', 'person.name.lastName', 'person.age']);
    expect(parsed(settings, ['"Anna"', '{"a": [1]}', 'null', '40'])).toMatchObject({
      person: { name: { firstName: 'Anna', lastName: null }, age: 40 },
      city: { a: [1] },
    });
  });

  it('leaves out what is not there, and objects of which nothing is', () => {
    const payload = parsed(settingsWith(['person.name.firstName', 'person.name.lastName', 'city']), [null, null, '""']);
    expect(Object.keys(payload)).toEqual(['city', 'segmentMembership', 'identityMap', 'waybill']);
  });

  it('keeps every digit of a number', () => {
    const text = payloadOf(settingsWith(['n']), { ...profile, values: ['12345678901234567890.123'] }, facts);
    expect(text).toContain('"n":12345678901234567890.123,');
  });

  it('names segments and tells their times where the target says so', () => {
    const upsWith = (more: Partial<StreamSettings>) => parsed(settingsWith([], more), []).segmentMembership.ups['s'];
    expect(upsWith({ includeSegmentNames: true })).toEqual({
      lastQualificationTime: '2026-11-22T08:00:00.000Z',
      status: 'realized',
      name: 'Loyal',
    });
    expect(upsWith({ includeSegmentTimestamps: true })).toEqual({
      lastQualificationTime: '2026-11-22T08:00:00.000Z',
      status: 'realized',
      createdAt: 1,
      updatedAt: 2,
      mappingCreatedAt: 3,
      mappingUpdatedAt: 4,
    });
  });

  it('of a replay says so, and of no change', () => {
    const { waybill } = parsed(settingsWith([]), [], { replay: true, changedAt: null });
    expect(waybill.replay).toBe(true);
    expect(waybill).not.toHaveProperty('changedAt');
  });

  it('is JSON that fits the schema, whatever names and values hold', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom('a', 'b.c', 'b.d.e', 'b.d.f', '__proto__.x', 'toString'), { maxLength: 6 }),
        fc.array(fc.option(fc.jsonValue()), { minLength: 6, maxLength: 6 }),
        fc.dictionary(text, fc.array(text, { minLength: 1 })),
        text,
        (targets, values, identities, segmentId) => {
          const json = payloadOf(
            settingsWith(targets),
            {
              profileId: segmentId,
              identities,
              values: values.map((value) => (value === null ? null : JSON.stringify(value))),
            },
            { ...facts, memberships: [{ segmentId, status: 'exited', since: '2026-11-22T08:00:00.000Z' }] },
          );
          const payload = JSON.parse(json) as ProfileEventPayload;
          expect(validate(payload)).toBe(true);
          expect(Object.keys(payload.segmentMembership.ups)).toEqual([segmentId]);
          targets.forEach((target, index) => {
            if (values[index] !== null) expect(at(payload, target)).toEqual(JSON.parse(JSON.stringify(values[index])));
          });
        },
      ),
    );
  });
});

const at = (payload: object, target: string): unknown =>
  target
    .split('.')
    .reduce<unknown>((node, name) => Object.getOwnPropertyDescriptor(Object(node), name)?.value as unknown, payload);
