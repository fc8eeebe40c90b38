import { WaybillError } from '@waybill/kernel';
import { faultOfClientId } from '../members/client-id.js';
import { type CsvRecord, CsvRecords } from './csv-records.js';
import type { Member, Rejection, UploadReader } from './upload-reader.js';

/**
 * Members from CSV with a header row: the identity column holds the profile id, which is an identity under that column's
 * name as well; each other column is an attribute, an empty cell the empty string.
 * Throws `csv-header-unusable` and `csv-quote-unclosed` (malformed).
 */
export const csvMembers = (identity: string): UploadReader => {
  const records = new CsvRecords();
  let toMember: ((record: CsvRecord) => Member | Rejection) | undefined;

  function* members(from: Iterable<CsvRecord | Rejection>): Generator<Member | Rejection> {
    for (const record of from) {
      if (toMember) yield 'reason' in record ? record : toMember(record);
      else if ('reason' in record) throw unusable(`it ${record.reason}`);
      else toMember = memberOf(columnsOf(record.fields, identity), identity);
    }
  }
  return {
    read: (chunk) => members(records.read(chunk)),
    *end() {
      yield* members(records.end());
      if (!toMember) throw unusable('the upload is empty');
    },
  };
};

const columnsOf = (names: readonly string[], identity: string): readonly string[] => {
  names.forEach((name, index) => {
    if (name === '') throw unusable(`column ${index + 1} has no name`);
    if (names.indexOf(name) < index) {
      throw unusable(`the columns ${names.indexOf(name) + 1} and ${index + 1} have the same name`);
    }
  });
  if (!names.includes(identity)) {
    const alike = names.find((name) => name.trim().toLowerCase() === identity.trim().toLowerCase());
    const hint = alike === undefined ? '' : ` There is one named "${alike}": case and spaces count.`;
    throw unusable(`none of its ${names.length} columns is named "${identity}", as ?identity= says.${hint}`);
  }
  return names;
};

const memberOf = (columns: readonly string[], identity: string): ((record: CsvRecord) => Member | Rejection) => {
  const idAt = columns.indexOf(identity);
  const keys = columns.map((name) => `${JSON.stringify(name)}:`);
  const namespace = keys[idAt];

  return ({ line, fields }) => {
    if (fields.length !== columns.length) {
      return { line, reason: `has ${counted(fields.length)}, and the header names ${columns.length}` };
    }
    const id = fields[idAt] ?? '';
    const fault = faultOfClientId(id);
    if (fault) return { line, reason: `its "${identity}" ${fault}` };
    let attributes = '';
    for (let index = 0; index < fields.length; index++) {
      if (index !== idAt) attributes += `${attributes && ','}${keys[index]}${JSON.stringify(fields[index])}`;
    }
    return {
      line,
      id,
      status: 'realized',
      identities: `{${namespace}[${JSON.stringify(id)}]}`,
      attributes: `{${attributes}}`,
    };
  };
};

const counted = (fields: number): string => `${fields} ${fields === 1 ? 'field' : 'fields'}`;

const unusable = (why: string): WaybillError =>
  new WaybillError(
    'csv-header-unusable',
    'malformed',
    `The upload was refused: its first line must name the columns, and ${why.replace(/\.?$/, '.')} Nothing was changed.`,
  );
