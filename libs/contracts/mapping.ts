import { canonicalJson, type FieldError, WaybillError } from '@waybill/kernel';
import type { Mapping, MappingField } from './shapes.js';

/**
 * Where a column takes its value from:
 * `attributes.<name>` (the attribute of that very name, dots included, else a path into nested objects),
 * `identities.<namespace>` (one row for each id in it), `profile.id`,
 * `segment.id`, `segment.name`, `segment.status` (`realized` or `exited`), `segment.since` (RFC 3339, UTC).
 */
export type Source =
  | { readonly kind: 'attribute'; readonly name: string }
  | { readonly kind: 'identity'; readonly namespace: string }
  | { readonly kind: 'profile'; readonly field: 'id' }
  | { readonly kind: 'segment'; readonly field: 'id' | 'name' | 'status' | 'since' };

const FIXED: Readonly<Record<string, Source>> = {
  'profile.id': { kind: 'profile', field: 'id' },
  'segment.id': { kind: 'segment', field: 'id' },
  'segment.name': { kind: 'segment', field: 'name' },
  'segment.status': { kind: 'segment', field: 'status' },
  'segment.since': { kind: 'segment', field: 'since' },
};

const MAX_NAME = 256;
/** Leaves room beside it in an event of at most 64 KiB. */
const MAX_MAPPING_BYTES = 48 * 1024;

const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Undefined for what is none. */
export const sourceOf = (text: string): Source | undefined => {
  const fixed = Object.hasOwn(FIXED, text) ? FIXED[text] : undefined;
  if (fixed) return fixed;
  const name = text.slice(text.indexOf('.') + 1);
  if (name === '' || name.length > MAX_NAME || CONTROL.test(name)) return undefined;
  if (text.startsWith('attributes.')) return { kind: 'attribute', name };
  if (text.startsWith('identities.')) return { kind: 'identity', namespace: name };
  return undefined;
};

export const UNKNOWN_SOURCE = `is no source; it is attributes.<name>, identities.<namespace> or one of ${Object.keys(FIXED).join(', ')}`;

/** Throws `mapping-invalid` (refused). */
export const parseSource = (text: string): Source => {
  const source = sourceOf(text);
  if (!source) throw mappingInvalid([{ path: 'source', message: `"${text}" ${UNKNOWN_SOURCE}` }]);
  return source;
};

/** What a column holds, as the manifest states it. An attribute may hold any JSON value. */
export const typeOf = (source: Source): 'any' | 'string' | 'date-time' => {
  if (source.kind === 'attribute') return 'any';
  return source.kind === 'segment' && source.field === 'since' ? 'date-time' : 'string';
};

/** The name of the column: many loaders take no dots. */
export const columnOf = ({ target }: Pick<MappingField, 'target'>): string => target.replaceAll('.', '_');

/** What a destination starts with, so that nothing depends on whether its mapping or its segments come first. */
export const DEFAULT_MAPPING: Mapping = {
  revision: 0,
  fields: [
    { source: 'profile.id', target: 'profile_id', required: true, key: true },
    { source: 'segment.status', target: 'segment_status', required: false, key: false },
    { source: 'segment.since', target: 'segment_since', required: false, key: false },
  ],
};

export interface MappingFieldInput {
  readonly source: string;
  readonly target: string;
  readonly required?: boolean;
  readonly key?: boolean;
}

/**
 * The fields in the order of the columns, defaults filled in: an identity is always required and the key.
 * Throws `mapping-invalid` (refused) that names every fault: an unknown source, a column named twice (dots count as
 * underscores), a second identity namespace, a key of both identities and attributes, a key that is the same for everybody.
 */
export const checkMapping = (inputs: readonly MappingFieldInput[]): readonly MappingField[] => {
  const faults: FieldError[] = [];
  const blame = (index: number, member: keyof MappingField, message: string): void => {
    faults.push({ path: `fields.${index}.${member}`, message });
  };
  if (inputs.length === 0) faults.push({ path: 'fields', message: 'must name at least one column' });
  faults.push(...sizeFaults(inputs));

  const columns = new Map<string, number>();
  let namespace: string | undefined;
  const fields = inputs.map((input, index): MappingField => {
    const source = sourceOf(input.source);
    if (!source) blame(index, 'source', `"${input.source}" ${UNKNOWN_SOURCE}`);

    const column = columnOf(input);
    const taken = columns.get(column);
    if (column.trim() === '' || column.length > MAX_NAME || CONTROL.test(column)) {
      blame(index, 'target', `must be a name of 1 to ${MAX_NAME} characters without control characters`);
    } else if (taken !== undefined) {
      blame(index, 'target', `the column "${column}" is named by fields.${taken} already (dots become underscores)`);
    } else {
      columns.set(column, index);
    }

    if (source?.kind === 'identity') {
      if (namespace !== undefined && namespace !== source.namespace) {
        blame(
          index,
          'source',
          `only one identity namespace fits into a file, and "${namespace}" is there; load the other as an attribute`,
        );
      }
      namespace ??= source.namespace;
      if (input.required === false) blame(index, 'required', 'an identity is always required');
      if (input.key === false) blame(index, 'key', 'an identity is always the deduplication key');
      return { source: input.source, target: input.target, required: true, key: true };
    }
    if (source?.kind === 'segment' && input.key) {
      blame(index, 'key', 'has the same value for everybody; take an attribute, an identity or profile.id as the key');
    }
    return { source: input.source, target: input.target, required: input.required ?? false, key: input.key ?? false };
  });

  if (namespace !== undefined) {
    fields.forEach((field, index) => {
      if (field.key && sourceOf(field.source)?.kind !== 'identity') {
        blame(index, 'key', `the key is the identity "${namespace}" already, and does not mix with others`);
      }
    });
  }
  if (faults.length > 0) throw mappingInvalid(faults);
  return fields;
};

export const sizeFaults = (inputs: readonly MappingFieldInput[]): readonly FieldError[] =>
  Buffer.byteLength(canonicalJson(inputs)) <= MAX_MAPPING_BYTES
    ? []
    : [
        {
          path: 'fields',
          message: `must fit into ${MAX_MAPPING_BYTES / 1024} KiB of JSON; leave some fields out`,
        },
      ];

export const mappingInvalid = (fields: readonly FieldError[]): WaybillError =>
  new WaybillError(
    'mapping-invalid',
    'refused',
    `The mapping cannot be used: ${fields.map(({ path, message }) => `${path}: ${message}`).join('; ')}.`,
    { fields },
  );
