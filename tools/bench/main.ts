import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { messageOf } from '@waybill/kernel';
import { benches } from './benches.js';
import { machineFacts } from './machine.js';
import type { BenchRow } from './result.js';
import { isMissed, tableOf } from './table.js';

const USAGE = `npm run bench [-- options]
  --only NAME    one bench, and further ones by further --only: ${Object.keys(benches).join(', ')}
  --rounds N     rounds of each side, at least 3 (default 3)
  --large        also the runs that take minutes (10 M rows)
  --write        put the table into docs/benchmarks.md (a full run only)`;

const REPORT = join(import.meta.dirname, '../../../docs/benchmarks.md');
/** The part of the report between these lines is written by this program, the rest by people. */
const RESULTS = /(<!-- results -->\n)[^]*(\n<!-- end of results -->)/;

interface Options {
  readonly names: readonly string[];
  readonly rounds: number;
  readonly large: boolean;
  readonly write: boolean;
}

const readOptions = (): Options => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '3' },
      large: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const unknown = values.only.filter((name) => !Object.hasOwn(benches, name));
  if (unknown.length > 0) throw new Error(`There is no bench ${unknown.join(', ')}.`);
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 3) throw new Error('--rounds takes a whole number, at least 3.');
  if (values.write && values.only.length > 0) throw new Error('--write takes a full run: leave --only out.');
  const names = values.only.length > 0 ? values.only : Object.keys(benches);
  return { names, rounds, large: values.large, write: values.write };
};

const progress = (line: string): void => console.error(line);

/** A bench that breaks takes only its own rows with it. */
const runBench = async (name: string, { rounds, large }: Options): Promise<readonly BenchRow[]> => {
  try {
    progress(`${name} …`);
    return (await benches[name]?.({ rounds, large, progress: (line) => progress(`  ${line}`) })) ?? [];
  } catch (error) {
    process.exitCode = 1;
    console.error(error);
    return [{ name, notRun: `it failed: ${messageOf(error)}` }];
  }
};

const main = async (options: Options): Promise<void> => {
  const facts = Object.entries(await machineFacts()).map(([name, fact]) => `- ${name}: ${fact}`);
  const rows: BenchRow[] = [];
  for (const name of options.names) rows.push(...(await runBench(name, options)));
  const date = new Date().toISOString().slice(0, 10);
  const results = [`Medians of ${options.rounds} rounds, ${date}.`, '', ...facts, '', tableOf(rows)].join('\n');
  console.log(`\n${results}\n`);
  const notRun = rows.filter((row) => 'notRun' in row).length;
  console.log(`${rows.length - notRun} measured, ${rows.filter(isMissed).length} missed the budget, ${notRun} not run`);
  if (options.write) {
    const report = readFileSync(REPORT, 'utf8');
    writeFileSync(
      REPORT,
      report.replace(RESULTS, (_, start: string, end: string) => `${start}\n${results}\n${end}`),
    );
  }
};

let options: Options | undefined;
try {
  options = readOptions();
} catch (error) {
  console.error(`${messageOf(error)}\n\n${USAGE}`);
  process.exitCode = 1;
}
if (options !== undefined) await main(options);
