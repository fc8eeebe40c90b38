import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const fixtures = join(import.meta.dirname, 'fixtures');
const config = JSON.stringify({ rootDir: fixtures, testMatch: ['**/*.fixture.mjs'], transform: {} });

/** For files of which one leaves something open: that is waited for no longer. */
const LEAKS = { WAYBILL_TEST_CLOSING_MS: '1000' };

/** What `npm test` does once all is installed and built, on test files of its own. */
const runTests = (files: readonly string[], more: NodeJS.ProcessEnv = {}) => {
  const { CI: _, ...env } = process.env;
  const args = [join(import.meta.dirname, 'main.mjs'), `--config=${config}`, ...files];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: { ...env, ...more },
  });
  return { status, output: stdout + stderr, lastLine: stdout.trimEnd().split('\n').at(-1) };
};

describe('npm test', () => {
  it('ends with the totals, and with code 0 where every test passed', () => {
    expect(runTests(['passes'])).toMatchObject({ status: 0, lastLine: '2 passed, 0 failed, 0 skipped' });
  });

  it('counts a file that cannot be run as failed, shows each failure, and says what could not run and why', () => {
    const { status, lastLine, output } = runTests([], LEAKS);
    expect(lastLine).toBe('4 passed, 2 failed, 3 skipped');
    expect(status).toBe(1);
    expect(output).toContain('said before the failure');
    expect(output).toContain('fails.fixture.mjs: Arithmetic › holds');
    expect(output).toContain('breaks.fixture.mjs: could not be run');
    const list = output.slice(output.indexOf('Failed:'));
    expect(list).toMatch(
      /Arithmetic › holds\n +Error: expect\(received\)\.toBe\(expected\).*\n +Expected: 3\n +Received: 2\n +at .*fails\.fixture/,
    );
    expect(list).toMatch(/could not be run\n +\S/);
    expect(output).toContain('– S3: no versitygw (no Go) [1] (2 tests)');
  });

  it('fails, and ends, where a test left something open', () => {
    const { status, output, lastLine } = runTests(['leaks'], LEAKS);
    expect(status).toBe(1);
    expect(lastLine).toBe('1 passed, 1 failed, 0 skipped');
    expect(output).toContain('A test left something open');
  });

  it.each(['skips', 'nothing-of-this-name'])('fails where no test ran (%s)', (file) => {
    const { status, output } = runTests([file]);
    expect(status).toBe(1);
    expect(output).toContain('No test ran.');
  });
});
