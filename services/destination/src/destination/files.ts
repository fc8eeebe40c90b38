import type { CsvOptions, FilesOptions } from '@waybill/contracts';
import { type FieldError, WaybillError } from '@waybill/kernel';

export interface FilesInput {
  readonly format?: FilesOptions['format'];
  readonly compression?: FilesOptions['compression'];
  readonly csv?: Partial<CsvOptions>;
  readonly manifest?: boolean;
  readonly maxRowsPerFile?: number;
}

/** RFC 4180: quotes are doubled. */
const CSV: CsvOptions = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  nullValue: '',
  emptyValue: '',
  injection: 'machine',
};
const DELIMITERS = [',', '\t', '|', ';', ':'];
const QUOTES = ['"', ''];
const ESCAPES = ['"', '\\', "'"];
const MAX_ROWS_PER_FILE = 5_000_000;

const csvFaults = ({ delimiter, quote, escape, nullValue, emptyValue }: CsvOptions): readonly FieldError[] => {
  const faults: FieldError[] = [];
  const oneOf = (name: keyof CsvOptions, value: string, known: readonly string[]): void => {
    if (known.includes(value)) return;
    faults.push({
      path: `files.csv.${name}`,
      message: `must be one of ${known.map((one) => JSON.stringify(one)).join(' ')}`,
    });
  };
  oneOf('delimiter', delimiter, DELIMITERS);
  oneOf('quote', quote, QUOTES);
  oneOf('escape', escape, ESCAPES);
  for (const [name, value] of Object.entries({ nullValue, emptyValue })) {
    if (value.length > 16 || /[\r\n"]/.test(value) || value.includes(delimiter)) {
      faults.push({
        path: `files.csv.${name}`,
        message: 'must be at most 16 characters without line breaks, quotes and the delimiter',
      });
    }
  }
  return faults;
};

/**
 * Options with their defaults filled in. Throws `files-invalid` (refused) for options that contradict each other or that no
 * reader would understand.
 */
export const checkFiles = (input: FilesInput = {}): FilesOptions => {
  const { format = 'csv', compression = 'none', manifest = true, maxRowsPerFile = MAX_ROWS_PER_FILE } = input;
  const csv = { ...CSV, ...input.csv };
  const faults = format === 'csv' ? [...csvFaults(csv)] : [];
  if (format !== 'csv' && input.csv) faults.push({ path: 'files.csv', message: 'belongs to the format csv' });
  if (!Number.isSafeInteger(maxRowsPerFile) || maxRowsPerFile < 1) {
    faults.push({ path: 'files.maxRowsPerFile', message: 'must be a whole number from 1' });
  }
  if (faults.length > 0) {
    const detail = faults.map(({ path, message }) => `${path} ${message}`).join('; ');
    throw new WaybillError('files-invalid', 'refused', `The file options cannot be used: ${detail}.`, {
      fields: faults,
    });
  }
  return { format, compression, ...(format === 'csv' && { csv }), manifest, maxRowsPerFile };
};
