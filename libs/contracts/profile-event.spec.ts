import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { RESERVED_MEMBERS } from './event-mapping.js';
import { PROFILE_EVENT_SCHEMA } from './profile-event.js';

const ajv = new Ajv2020({ allErrors: true });
addFormats.default(ajv);
const validate = ajv.compile(PROFILE_EVENT_SCHEMA);
const [example] = PROFILE_EVENT_SCHEMA['examples'] as readonly [Record<string, object>];
const faultsOf = (payload: object): readonly string[] =>
  validate(payload) ? [] : (validate.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`);

describe('The schema of events', () => {
  it('is JSON Schema 2020-12 that describes its example', () => {
    expect(PROFILE_EVENT_SCHEMA['$schema']).toBe('https://json-schema.org/draft/2020-12/schema');
    expect(faultsOf(example)).toEqual([]);
  });

  it('asks for the members that no mapping may name', () => {
    expect(PROFILE_EVENT_SCHEMA['required']).toEqual(RESERVED_MEMBERS);
  });

  it.each<[object, string]>([
    [{ waybill: { ...example['waybill'], sequence: '1' } }, '/waybill/sequence type'],
    [{ waybill: { ...example['waybill'], eventId: 'x' } }, '/waybill/eventId format'],
    [
      { segmentMembership: { ups: { s: { status: 'existing', lastQualificationTime: 'x' } } } },
      '/segmentMembership/ups/s/status enum',
    ],
    [{ identityMap: { email: ['a'] } }, '/identityMap/email/0 type'],
  ])('finds fault with %j', (change, fault) => {
    expect(faultsOf({ ...example, ...change })).toContain(fault);
  });
});
