import { isWaybillError } from '@waybill/kernel';
import { checkEventMapping } from './event-mapping.js';
import type { MappingFieldInput } from './mapping.js';

const faultsOf = (...inputs: MappingFieldInput[]): string[] => {
  try {
    checkEventMapping(inputs);
    return [];
  } catch (error) {
    if (!isWaybillError(error) || error.slug !== 'mapping-invalid') throw error;
    return (error.fields ?? []).map(({ path, message }) => `${path}: ${message}`);
  }
};

describe('The mapping of events', () => {
  it('takes any number of attributes and identities, to paths into nested objects, or nothing at all', () => {
    expect(checkEventMapping([])).toEqual([]);
    expect(
      checkEventMapping([
        { source: 'attributes.firstName', target: 'person.name.firstName', required: true },
        { source: 'attributes.a.b', target: 'person.name.lastName' },
        { source: 'identities.email', target: 'personalEmail.address', key: false },
        { source: 'identities.crm', target: 'crm' },
        { source: 'profile.id', target: '_id' },
      ]),
    ).toEqual([
      { source: 'attributes.firstName', target: 'person.name.firstName', required: true, key: false },
      { source: 'attributes.a.b', target: 'person.name.lastName', required: false, key: false },
      { source: 'identities.email', target: 'personalEmail.address', required: false, key: false },
      { source: 'identities.crm', target: 'crm', required: false, key: false },
      { source: 'profile.id', target: '_id', required: false, key: false },
    ]);
  });

  it.each<[MappingFieldInput, RegExp]>([
    [{ source: 'attribute.x', target: 'x' }, /^fields\.0\.source: .* is no source/],
    [{ source: 'segment.status', target: 'x' }, /^fields\.0\.source: .* stands in segmentMembership/],
    [{ source: 'attributes.x', target: '' }, /^fields\.0\.target: must be a path/],
    [{ source: 'attributes.x', target: 'a..b' }, /^fields\.0\.target: must be a path/],
    [{ source: 'attributes.x', target: 'a.' }, /^fields\.0\.target: must be a path/],
    [{ source: 'attributes.x', target: 'a\n' }, /^fields\.0\.target: must be a path/],
    [
      { source: 'attributes.x', target: Array(17).fill('a').join('.') },
      /^fields\.0\.target: must be nested at most 16/,
    ],
    [{ source: 'attributes.x', target: 'segmentMembership.ups' }, /^fields\.0\.target: "segmentMembership" stands in/],
    [{ source: 'attributes.x', target: 'identityMap' }, /^fields\.0\.target: "identityMap" stands in/],
    [{ source: 'attributes.x', target: 'waybill.eventId' }, /^fields\.0\.target: "waybill" stands in/],
    [{ source: 'attributes.x', target: 'x', key: true }, /^fields\.0\.key: is for files/],
  ])('refuses %j', (input, fault) => {
    expect(faultsOf(input)).toEqual([expect.stringMatching(fault)]);
  });

  it.each([
    ['a.b', 'a.b'],
    ['a', 'a.b'],
    ['a.b.c', 'a.b'],
  ])('refuses %s beside %s: a place holds a value, or members of its own', (first, second) => {
    const field = (target: string) => ({ source: 'attributes.x', target });
    expect(faultsOf(field(first), field(second))).toEqual([expect.stringMatching(/^fields\.1\.target/)]);
    expect(faultsOf(field('a.bc'), field('a.b'))).toEqual([]);
  });
});
