import { writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Reporter, Test, TestResult } from '@jest/reporters';
import type { AggregatedResult, AssertionResult } from '@jest/test-result';

type Suites = readonly TestResult[];

/** Lines of a failure that its list shows. */
const REASON_LINES = 6;
const REASON = /\[could not run here: (.*)\]/;

/** One line for each file, everything about a failure, and at the end what failed and what could not run, and why. */
export default class WaybillReporter implements Reporter {
  onTestResult({ context, path }: Test, result: TestResult): void {
    const failed = result.numFailingTests > 0 || result.testExecError !== undefined;
    const mark = failed ? '✗' : result.numPassingTests > 0 ? '✓' : '–';
    const tier = (context.config.displayName?.name ?? '').padEnd(8);
    const counts = `${result.numPassingTests} of ${result.testResults.length}`;
    const seconds = (result.perfStats.runtime / 1000).toFixed(1);
    print(`${mark} ${tier} ${fileOf(path)} (${counts}, ${seconds} s)`);
    if (!failed) return;
    for (const { type, message } of result.console ?? []) print(`  console.${type}: ${message}`);
    print(result.failureMessage ?? '');
  }

  onRunComplete(_contexts: unknown, results: AggregatedResult): void {
    reportSkipped(results.testResults);
    reportFailed(results.testResults);
    const totals = {
      passed: results.numPassedTests,
      failed: results.numFailedTests + results.numRuntimeErrorTestSuites,
      skipped: results.numPendingTests + results.numTodoTests,
    };
    const file = process.env['WAYBILL_TEST_SUMMARY'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(totals));
    endWithin(CLOSING_MS);
  }

  onRunStart(): void {}

  getLastError(): void {}
}

/** For what is stopped after the last test: servers that all of them shared. */
const CLOSING_MS = Number(process.env['WAYBILL_TEST_CLOSING_MS'] || 60_000);

/** What a test left open, such as a server after a failure, would keep the run for ever. */
const endWithin = (ms: number): void => {
  const end = () => {
    print('\nA test left something open, which would keep the run for ever (jest --detectOpenHandles shows what).');
    process.exit(1);
  };
  setTimeout(end, ms).unref();
};

const print = (text: string): void => void process.stdout.write(`${text}\n`);

const fileOf = (path: string): string => relative(process.cwd(), path);

const nameOf = ({ ancestorTitles, title }: AssertionResult): string => [...ancestorTitles, title].join(' › ');

const isSkipped = ({ status }: AssertionResult): boolean => status === 'pending' || status === 'todo';

/** Tests that a suite could not run are counted under its name; others were left out by their author or by `-t`. */
const reportSkipped = (suites: Suites): void => {
  const skipped = suites.flatMap((suite) => suite.testResults.filter(isSkipped));
  const byReason = new Map<string, number>();
  let others = 0;
  for (const test of skipped) {
    const suite = test.ancestorTitles.find((title) => REASON.test(title));
    if (suite === undefined) others += 1;
    else byReason.set(suite, (byReason.get(suite) ?? 0) + 1);
  }
  if (byReason.size > 0) print('\nCould not run here:');
  for (const [suite, tests] of byReason) {
    const reason = REASON.exec(suite)?.[1] ?? '';
    print(`  – ${suite.replace(REASON, '').trim()}: ${reason} (${tests} ${tests === 1 ? 'test' : 'tests'})`);
  }
  if (others > 0) print(`\nLeft out by name or by .skip: ${others}`);
};

const reportFailed = (suites: Suites): void => {
  const failed = suites.flatMap((suite) => {
    const file = fileOf(suite.testFilePath);
    const tests = suite.testResults
      .filter(({ status }) => status === 'failed')
      .map((test) => `${file}: ${nameOf(test)}${reasonOf(test.failureMessages[0])}`);
    if (suite.testExecError === undefined) return tests;
    return [`${file}: could not be run${reasonOf(suite.testExecError.message)}`, ...tests];
  });
  if (failed.length > 0) print(`\nFailed:\n${failed.map((failure) => `  ✗ ${failure}`).join('\n')}`);
};

/** What it says before its stack, and where in our own code: all else stands far above. */
const reasonOf = (message = ''): string => {
  const lines = stripVTControlCharacters(message)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const frame = lines.findIndex((line) => line.startsWith('at '));
  const said = frame === -1 ? lines : lines.slice(0, frame);
  const place = lines.find(
    (line) => line.startsWith('at ') && !line.includes('node_modules') && !line.includes('node:'),
  );
  return [...said.slice(0, REASON_LINES), ...(place === undefined ? [] : [place])]
    .map((line) => `\n      ${line}`)
    .join('');
};
