import { type FieldError, type Scope, WaybillError } from '@waybill/kernel';
import type { FilesOptions } from './shapes.js';

/** What the macros of a file name stand for, its time aside. */
export interface FileNameValues {
  readonly scope: Scope;
  readonly destination: { readonly id: string; readonly name: string; readonly type: string };
  readonly segment: { readonly id: string; readonly name: string };
}

export const DEFAULT_FILE_NAME = '%DESTINATION_NAME%_segment_%SEGMENT_ID%_%DATETIME(YYYYMMdd_HHmmss)%';

/** In bytes of UTF-8, as file systems count. */
export const MAX_FILE_NAME_BYTES = 255;
/** Room that every name leaves for the number of its part and of its revision. */
const LONGEST_SUFFIX = '_99999_r99';

const VALUES: Readonly<Record<string, (values: FileNameValues) => string>> = {
  DESTINATION: ({ destination }) => destination.type,
  DESTINATION_NAME: ({ destination }) => destination.name,
  DESTINATION_INSTANCE_ID: ({ destination }) => destination.id,
  DESTINATION_INSTANCE_NAME: ({ destination }) => destination.name,
  SEGMENT_ID: ({ segment }) => segment.id,
  SEGMENT_NAME: ({ segment }) => segment.name,
  ORGANIZATION_NAME: ({ scope }) => scope.tenant,
  SANDBOX_NAME: ({ scope }) => scope.sandbox,
};
const MACRO = /%([A-Z_]+)(?:\(([^()%]*)\))?%/g;

/**
 * Letters of a date pattern, as the incumbents write them, and where they stand in an RFC 3339 time. Times are in UTC, where
 * no hour comes twice.
 */
const DATE_PARTS: Readonly<Record<string, readonly [from: number, to: number]>> = {
  YYYY: [0, 4],
  yyyy: [0, 4],
  MM: [5, 7],
  DD: [8, 10],
  dd: [8, 10],
  HH: [11, 13],
  mm: [14, 16],
  ss: [17, 19],
  SSS: [20, 23],
};
const DATE_TOKEN = /([A-Za-z])\1*|[^A-Za-z]+/g;
const DATE_TEXT = /^(?:[TZ]|[-_. ]+)$/;

/** Undefined for a pattern with letters that stand for nothing. */
const formatDate = (at: string, pattern: string): string | undefined => {
  const time = new Date(at).toISOString();
  const parts = (pattern.match(DATE_TOKEN) ?? []).map((token) => {
    const part = DATE_PARTS[token];
    if (part) return time.slice(...part);
    return DATE_TEXT.test(token) ? token : undefined;
  });
  return parts.length === 0 || parts.includes(undefined) ? undefined : parts.join('');
};

const HARMFUL = /[/\\\u0000-\u001f\u007f-\u009f\u2028\u2029]|\.{2,}/g;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** A value as part of a file name: what would split, climb or hide a path becomes an underscore; spaces stay. */
const harmless = (text: string): string => text.replaceAll(HARMFUL, '_').trim();

/**
 * The name of a run's first file, without extension, as a function of the run's time (RFC 3339): its slot, or when it was
 * requested. A macro that is not known stays as it is written.
 */
export const fileNameOf = (template: string, values: FileNameValues): ((at: string) => string) => {
  const pieces: (string | ((at: string) => string))[] = [];
  let end = 0;
  for (const { 0: text, 1: name = '', 2: pattern, index } of template.matchAll(MACRO)) {
    pieces.push(template.slice(end, index));
    end = index + text.length;
    const value = pattern === undefined ? VALUES[name] : undefined;
    if (value) pieces.push(harmless(value(values)));
    else if (name === 'TIMESTAMP' && pattern === undefined)
      pieces.push((at) => String(Math.floor(Date.parse(at) / 1000)));
    else if (name === 'DATETIME' && pattern !== undefined) pieces.push((at) => formatDate(at, pattern) ?? text);
    else pieces.push(text);
  }
  pieces.push(template.slice(end));
  return (at) =>
    pieces
      .map((piece) => (typeof piece === 'string' ? piece : piece(at)))
      .join('')
      .replace(/^[.\s]+/, '_');
};

export const extensionOf = (
  { format, compression }: Pick<FilesOptions, 'format' | 'compression'>,
  encrypted: boolean,
): string => `${format === 'csv' ? '.csv' : '.jsonl'}${compression === 'gzip' ? '.gz' : ''}${encrypted ? '.pgp' : ''}`;

/**
 * Of one file: the first part has no number. `revision` is 1; a later one is for a run that finds its name taken by other
 * bytes, such as a second export within the same second: a name that has content is never given another.
 */
export const partName = (
  name: string,
  part: { readonly part: number; readonly revision: number },
  extension: string,
): string =>
  `${name}${part.part > 1 ? `_${part.part}` : ''}${part.revision > 1 ? `_r${part.revision}` : ''}${extension}`;

/** Throws `file-name-invalid` (refused): a folder in it, control characters, a date pattern that means nothing. */
export const checkFileName = (template: string): void => {
  const faults: string[] = [];
  if (template.trim() === '') faults.push('must not be empty');
  if (CONTROL.test(template)) faults.push('must not hold control characters');
  if (/[/\\]/.test(template)) faults.push('must not hold slashes; folders belong to the target');
  if (template.startsWith('.')) faults.push('must not begin with a dot, which hides a file');
  for (const [, name, pattern] of template.matchAll(MACRO)) {
    if (name === 'DATETIME' && (pattern === undefined || formatDate('2000-01-01', pattern) === undefined)) {
      faults.push(
        `has %DATETIME(${pattern ?? ''})%, which no date can be written by; use YYYY MM dd HH mm ss SSS, T, Z and - _ . between them, such as %DATETIME(YYYYMMdd_HHmmss)%`,
      );
    }
  }
  if (faults.length > 0) throw fileNameInvalid('file-name-invalid', faults.join('; '));
};

/** Throws `file-name-too-long` (refused) for a rendered name that could pass 255 bytes with its suffix and extension. */
export const checkFileNameLength = (name: string, extension: string): void => {
  const bytes = Buffer.byteLength(`${name}${LONGEST_SUFFIX}${extension}`);
  if (bytes > MAX_FILE_NAME_BYTES) {
    throw fileNameInvalid(
      'file-name-too-long',
      `gives names of up to ${bytes} bytes with part number and extension, and file systems take ${MAX_FILE_NAME_BYTES}; shorten it, or use ids instead of names`,
    );
  }
};

const fileNameInvalid = (slug: string, message: string): WaybillError => {
  const fields: readonly FieldError[] = [{ path: 'fileName', message }];
  return new WaybillError(slug, 'refused', `The file name ${message}.`, { fields });
};
