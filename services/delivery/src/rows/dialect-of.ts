import type { FilesOptions } from '@waybill/contracts';
import type { Column } from './columns.js';
import { csvDialect } from './csv.js';
import type { Dialect } from './dialect.js';
import { jsonDialect } from './json.js';

export const dialectOf = (columns: readonly Column[], { format, csv }: FilesOptions): Dialect => {
  if (format === 'json') return jsonDialect(columns);
  if (!csv) throw new Error('A CSV file needs its options.');
  return csvDialect(columns, csv);
};
