import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Ajv, type AnySchemaObject } from 'ajv';
import { asyncApi } from './asyncapi.js';

const HERE = import.meta.dirname;
const exampleOf = (type: string): unknown => JSON.parse(readFileSync(join(HERE, 'fixtures', `${type}.json`), 'utf8'));
const document = asyncApi(exampleOf);

/** Every place a `$ref` points at, in the document itself. */
const referencesIn = (node: unknown): readonly string[] => {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === '$ref' && typeof value === 'string' ? [value] : referencesIn(value),
  );
};
const at = (reference: string): unknown =>
  reference
    .slice(2)
    .split('/')
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>((node, part) => (node as Record<string, unknown> | undefined)?.[part], document);

describe('the AsyncAPI document', () => {
  it('is what AsyncAPI 3.0 asks for', () => {
    const specification = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as AnySchemaObject;
    // It brings the draft it is written in along.
    const validate = new Ajv({ strict: false, validateFormats: false, meta: false, validateSchema: false }).compile(
      specification,
    );
    void validate(JSON.parse(JSON.stringify(document)));
    expect(validate.errors).toBeNull();
  });

  it('points at nothing that is not there', () => {
    const references = referencesIn(document);
    expect(references.length).toBeGreaterThan(100);
    expect(references.filter((reference) => at(reference) === undefined)).toEqual([]);
  });

  it('stands in docs/ as the contracts are now (npm run docs)', () => {
    const kept: unknown = JSON.parse(readFileSync(join(HERE, '../../docs/asyncapi.json'), 'utf8'));
    expect(kept).toEqual(JSON.parse(JSON.stringify(document)));
  });
});
