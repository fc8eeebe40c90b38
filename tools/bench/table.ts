import type { BenchRow, Budget, Measured } from './result.js';

/** A Markdown table, padded so that it reads well on a terminal, too, and below it what did not run. */
export const tableOf = (rows: readonly BenchRow[]): string => {
  const cells = [HEADER, ...rows.filter(isMeasured).map(cellsOf)];
  const widths = HEADER.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, i) => pad(cell, i, widths[i] ?? 0)).join(' | ')} |`;
  const [header = '', ...body] = cells.map(line);
  const rule = line(widths.map((width, i) => '-'.repeat(isNumeric(i) ? width - 1 : width) + (isNumeric(i) ? ':' : '')));
  const notRun = rows.flatMap((row) => (isMeasured(row) ? [] : [`- Not run: ${row.name}: ${row.notRun}`]));
  return [header, rule, ...body, ...(notRun.length > 0 ? ['', ...notRun] : [])].join('\n');
};

export const isMissed = (row: BenchRow): boolean =>
  isMeasured(row) && row.budget !== undefined && !holds(row, row.budget);

const isMeasured = (row: BenchRow): row is Measured => 'unit' in row;

const HEADER = ['measured', 'ours', 'baseline', 'unit', 'ratio', 'budget', ''] as const;

const isNumeric = (column: number): boolean => [1, 2, 4, 5].includes(column);

const pad = (cell: string, column: number, width: number): string =>
  isNumeric(column) ? cell.padStart(width) : cell.padEnd(width);

const cellsOf = (row: Measured): readonly string[] => [
  (row.baselineName === undefined ? row.name : `${row.name}, against ${row.baselineName}`).replaceAll('|', '\\|'),
  numberOf(row.ours),
  row.baseline === undefined ? '' : numberOf(row.baseline),
  row.unit,
  row.ratio === undefined ? '' : `${row.ratio.toFixed(2)} ×`,
  row.budget === undefined ? '' : wordsOf(row.budget),
  row.budget === undefined ? '' : isMissed(row) ? 'missed' : 'held',
];

const numberOf = (value: number): string => value.toLocaleString('en', { maximumSignificantDigits: 3 });

const wordsOf = (budget: Budget): string => {
  switch (budget.kind) {
    case 'ratio':
      return `≥ ${budget.atLeast} ×`;
    case 'difference':
      return `≤ +${budget.atMost}`;
    case 'value':
      return `≤ ${numberOf(budget.atMost)}`;
  }
};

const holds = ({ ours, baseline, ratio }: Measured, budget: Budget): boolean => {
  switch (budget.kind) {
    case 'ratio':
      return ratio !== undefined && ratio >= budget.atLeast;
    case 'difference':
      return baseline !== undefined && ours - baseline <= budget.atMost;
    case 'value':
      return ours <= budget.atMost;
  }
};
