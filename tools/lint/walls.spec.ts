import { globSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const root = join(import.meta.dirname, '../..');
const fixtures = join(import.meta.dirname, 'fixtures');

const PACKAGES = '@nx/enforce-module-boundaries';
const PURE = 'waybill/pure-imports';
const SYNTAX = 'no-restricted-syntax';

/** A mirror of the tree: each fixture would break one wall, or none, if it stood in the place that its path names. */
const walls: Readonly<Record<string, readonly string[]>> = {
  'libs/contracts/imports-a-driver.ts': [PURE],
  'libs/kernel/hashes.ts': [],
  'libs/kernel/imports-a-package.ts': [PURE],
  'libs/kernel/leaves-the-kernel.ts': [PACKAGES, PURE],
  'libs/kernel/reads-a-file.ts': [PURE],
  'libs/messaging/imports-a-service.ts': [PACKAGES],
  'libs/messaging/imports-a-tool.ts': [PACKAGES],
  'services/account/src/account/asks-for-today.ts': [SYNTAX],
  'services/account/src/account/draws-a-number.ts': [SYNTAX],
  'services/account/src/account/draws-an-id.ts': ['@typescript-eslint/no-restricted-imports'],
  'services/account/src/account/imports-a-driver.ts': [PURE],
  'services/account/src/account/imports-a-framework.ts': [PURE],
  'services/account/src/account/is-pure.ts': [],
  'services/account/src/account/leaves-the-aggregate.ts': [PURE],
  'services/account/src/account/reads-the-clock.ts': [SYNTAX],
  'services/account/src/account/reads-the-environment.ts': ['no-restricted-globals'],
  'services/account/src/account/waits.ts': ['@typescript-eslint/no-restricted-imports'],
  'services/account/src/connect-account/imports-another-service.ts': [PACKAGES],
  'services/account/src/connect-account/imports-the-process.ts': [PACKAGES],
  'services/account/src/connect-account/imports-the-test-kit.ts': ['no-restricted-imports'],
  'services/account/src/connect-account/keeps-within-the-walls.ts': [],
  'services/account/src/connect-account/reaches-into-another-service.ts': [PACKAGES],
};

/** Without types, which the fixtures have none of: they import what does not exist. */
const eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });

const rulesBrokenBy = async (fixture: string): Promise<(string | null)[]> => {
  const text = readFileSync(join(fixtures, fixture), 'utf8');
  const results = await eslint.lintText(text, { filePath: join(root, fixture) });
  return results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));
};

describe('The walls', () => {
  it.each(Object.entries(walls))('hold: %s breaks %j', async (fixture, rules) => {
    expect(await rulesBrokenBy(fixture)).toEqual(rules);
  });

  it('enclose every folder that decides', async () => {
    const deciders = globSync('services/*/src/*/decide.ts', { cwd: root });
    expect(deciders).not.toEqual([]);
    const configs = await Promise.all(deciders.map((file) => eslint.calculateConfigForFile(join(root, file))));
    const open = deciders.filter((_, i) => !(PURE in (configs[i] as { rules: object }).rules));
    expect(open).toEqual([]);
  });

  it('are proven by fixtures that are all listed here', () => {
    const files = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    expect(files.sort()).toEqual(Object.keys(walls).sort());
  });
});
