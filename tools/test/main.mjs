// npm test [-- jest's arguments]: all tiers in one run, or some paths, or `--selectProjects unit`. The totals stand last.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modules, root, run } from '../bootstrap/run.mjs';

/** Only there may the test kit install servers outside the project. */
if (process.env.CI === 'true') {
  const { prepare } = await import('@waybill/testkit/prepare');
  await prepare();
}

const folder = mkdtempSync(join(tmpdir(), 'waybill-tests-'));
const summary = join(folder, 'summary.json');
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const { code } = await run(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    '--disable-warning=TimeoutNegativeWarning', // of kafkajs
    join(modules, 'jest/bin/jest.js'),
    `--reporters=${join(root, 'tools/dist/test/reporter.js')}`,
    '--passWithNoTests', // stands between, or jest takes a path that follows for a reporter
    ...process.argv.slice(2),
  ],
  { env: { WAYBILL_TEST_SUMMARY: summary } },
);

const totals = existsSync(summary) ? JSON.parse(readFileSync(summary, 'utf8')) : { passed: 0, failed: 0, skipped: 0 };
if (code !== 0 && totals.failed === 0) {
  console.error(`\njest ended with code ${code}, though no test failed; its message stands above.`);
  totals.failed = 1;
}
if (totals.passed + totals.failed === 0) console.error('\nNo test ran.');
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;
