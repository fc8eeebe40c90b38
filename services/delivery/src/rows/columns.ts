import { columnOf, type FilesOptions, type MappingField, parseSource, type Source } from '@waybill/contracts';
import pg from 'pg';

const { escapeLiteral } = pg;

/**
 * `time`: a timestamptz in UTC as PostgreSQL writes it, to be rewritten as RFC 3339. `value`: written as it comes, which is
 * text for CSV and JSON for JSON; SQL null where there is nothing.
 */
export type ColumnKind = 'value' | 'time';

export interface Column {
  readonly name: string;
  readonly kind: ColumnKind;
  /** An expression on the columns of the view, and on `identity.id` for an identity. */
  readonly sql: string;
  /** The same as text, to compare rows by. */
  readonly text: string;
  readonly required: boolean;
  readonly key: boolean;
  readonly source: Source;
}

export const columnsOf = (
  fields: readonly MappingField[],
  format: FilesOptions['format'],
  segment: { readonly id: string; readonly name: string },
): readonly Column[] =>
  fields.map((field) => {
    const source = parseSource(field.source);
    const text = textOf(source, segment);
    return {
      name: columnOf(field),
      kind: isTime(source) ? 'time' : 'value',
      sql: format === 'csv' || isTime(source) ? text : jsonOf(source, text),
      text: `(${text}) collate "C"`,
      required: field.required,
      key: field.key,
      source,
    };
  });

const isTime = (source: Source): boolean => source.kind === 'segment' && source.field === 'since';

const textOf = (source: Source, segment: { readonly id: string; readonly name: string }): string => {
  switch (source.kind) {
    case 'attribute':
      return attribute(source.name, '->>', '#>>');
    case 'identity':
      return 'identity.id';
    case 'profile':
      return 'profile_id';
    case 'segment':
      return {
        id: escapeLiteral(segment.id),
        name: escapeLiteral(segment.name),
        status: 'status',
        since: 'since::text',
      }[source.field];
  }
};

const jsonOf = (source: Source, text: string): string =>
  source.kind === 'attribute' ? attribute(source.name, '->', '#>') : `to_jsonb(${text}::text)`;

/** The attribute of that very name; a name with dots is else a path into nested objects. */
const attribute = (name: string, byName: string, byPath: string): string => {
  const named = `attributes ${byName} ${escapeLiteral(name)}`;
  if (!name.includes('.')) return named;
  const path = name.split('.').map(escapeLiteral).join(', ');
  return `coalesce(${named}, attributes ${byPath} array[${path}])`;
};
