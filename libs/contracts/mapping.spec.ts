import { WaybillError } from '@waybill/kernel';
import fc from 'fast-check';
import { checkMapping, columnOf, DEFAULT_MAPPING, type MappingFieldInput, parseSource, typeOf } from './mapping.js';

const faultsOf = (fields: readonly MappingFieldInput[]): readonly string[] => {
  try {
    checkMapping(fields);
    return [];
  } catch (error) {
    if (!(error instanceof WaybillError)) throw error;
    expect(error).toMatchObject({ slug: 'mapping-invalid', kind: 'refused' });
    return (error.fields ?? []).map(({ path }) => path);
  }
};

describe('A source', () => {
  it.each([
    ['attributes.firstName', { kind: 'attribute', name: 'firstName' }],
    ['attributes.address.city', { kind: 'attribute', name: 'address.city' }],
    ['attributes.Künstler Name', { kind: 'attribute', name: 'Künstler Name' }],
    ['identities.email', { kind: 'identity', namespace: 'email' }],
    ['profile.id', { kind: 'profile', field: 'id' }],
    ['segment.since', { kind: 'segment', field: 'since' }],
  ])('%s is known', (text, source) => {
    expect(parseSource(text)).toEqual(source);
  });

  it.each([
    '',
    'email',
    'attributes',
    'attributes.',
    'attribute.x',
    'segment.members',
    'profile.email',
    'constructor',
    'attributes.a\u0000b',
  ])('"%s" is refused with the grammar', (text) => {
    expect(() => parseSource(text)).toThrow('attributes.<name>, identities.<namespace> or one of profile.id');
  });

  it('has a type that a manifest can state', () => {
    expect(
      ['attributes.x', 'identities.x', 'profile.id', 'segment.since'].map((text) => typeOf(parseSource(text))),
    ).toEqual(['any', 'string', 'string', 'date-time']);
  });
});

describe('A mapping', () => {
  it('keeps the order given and fills in what was left out', () => {
    expect(
      checkMapping([
        { source: 'attributes.b', target: 'b', required: true },
        { source: 'attributes.a', target: 'a', key: true },
      ]),
    ).toEqual([
      { source: 'attributes.b', target: 'b', required: true, key: false },
      { source: 'attributes.a', target: 'a', required: false, key: true },
    ]);
  });

  it('makes an identity required and the key', () => {
    expect(checkMapping([{ source: 'identities.email', target: 'email' }])).toEqual([
      { source: 'identities.email', target: 'email', required: true, key: true },
    ]);
  });

  it('takes several attributes as the key', () => {
    const key = ['a', 'b', 'c'].map((name) => ({ source: `attributes.${name}`, target: name, key: true }));
    expect(faultsOf(key)).toEqual([]);
  });

  it.each<[string, MappingFieldInput[], string[]]>([
    ['no column at all', [], ['fields']],
    ['an unknown source', [{ source: 'email', target: 'email' }], ['fields.0.source']],
    ['an empty column name', [{ source: 'profile.id', target: ' ' }], ['fields.0.target']],
    ['a column name with a line break', [{ source: 'profile.id', target: 'a\nb' }], ['fields.0.target']],
    [
      'two columns that are one after dots became underscores',
      [
        { source: 'attributes.a', target: 'name.first' },
        { source: 'attributes.b', target: 'name_first' },
      ],
      ['fields.1.target'],
    ],
    [
      'two identity namespaces',
      [
        { source: 'identities.email', target: 'email' },
        { source: 'identities.crm', target: 'crm' },
      ],
      ['fields.1.source'],
    ],
    [
      'an identity that is not required',
      [{ source: 'identities.email', target: 'email', required: false }],
      ['fields.0.required'],
    ],
    [
      'an identity that is not the key',
      [{ source: 'identities.email', target: 'email', key: false }],
      ['fields.0.key'],
    ],
    [
      'a key of an identity and an attribute',
      [
        { source: 'attributes.a', target: 'a', key: true },
        { source: 'identities.email', target: 'email' },
      ],
      ['fields.0.key'],
    ],
    [
      'a key that is the same for everybody',
      [{ source: 'segment.id', target: 'segment', key: true }],
      ['fields.0.key'],
    ],
    [
      'every fault at once',
      [
        { source: 'x', target: '' },
        { source: 'y', target: '' },
      ],
      ['fields.0.source', 'fields.0.target', 'fields.1.source', 'fields.1.target'],
    ],
  ])('refuses %s', (_, fields, paths) => {
    expect(faultsOf(fields)).toEqual(paths);
  });

  it('refuses more than an event can hold', () => {
    const wide = Array.from({ length: 1000 }, (_, n) => ({
      source: `attributes.attribute-${n}`,
      target: `column_${n}`,
    }));
    expect(faultsOf(wide)).toEqual(['fields']);
  });

  it('by default passes its own check', () => {
    expect(checkMapping(DEFAULT_MAPPING.fields)).toEqual(DEFAULT_MAPPING.fields);
  });

  it('that passed passes again, with columns that differ', () => {
    const name = fc.string({ minLength: 1, maxLength: 8 });
    const field = fc.record(
      {
        source: fc.oneof(
          name.map((n) => `attributes.${n}`),
          name.map((n) => `identities.${n}`),
          fc.constant('segment.status'),
        ),
        target: name,
        required: fc.boolean(),
        key: fc.boolean(),
      },
      { requiredKeys: ['source', 'target'] },
    );
    let passed = 0;
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 3 }), (inputs) => {
        if (faultsOf(inputs).length > 0) return;
        passed += 1;
        const fields = checkMapping(inputs);
        expect(checkMapping(fields)).toEqual(fields);
        expect(new Set(fields.map(columnOf)).size).toBe(fields.length);
      }),
    );
    expect(passed).toBeGreaterThan(0);
  });
});
