// The walls of the house (CONTRIBUTING.md) as lint rules. tools/lint/walls.spec.ts sees each of them red.
import pureImports from './pure-imports.mjs';

/** Which packages may import which, by the tags in their package.json. */
const between = [
  { sourceTag: 'type:lib', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:service', onlyDependOnLibsWithTags: ['type:lib'] },
  { sourceTag: 'type:process', onlyDependOnLibsWithTags: ['type:lib', 'type:service'] },
  { sourceTag: 'type:tool', onlyDependOnLibsWithTags: ['type:lib', 'type:service', 'type:process'] },
];

export const packageWalls = {
  '@nx/enforce-module-boundaries': ['error', { depConstraints: between, enforceBuildableLibDependency: false }],
};

export const waybill = { rules: { 'pure-imports': pureImports } };

/** The folders that hold an aggregate: events, state, decide, upcasters. */
export const AGGREGATES = [
  'account',
  'activation',
  'destination',
  'destination-type',
  'discard',
  'manifest',
  'marketing-action',
  'run',
  'segment',
  'stream-run',
  'redelivery',
  'validation',
];

const NOW = 'Time comes in with the command (`at`).';
const CHANCE = 'Ids come in with the command, or are derived from it (`idFrom`).';
const OUTSIDE = 'Pure code does not touch the outside.';

/** What reads the clock, draws a number or touches the outside without any import. */
const impurities = {
  'no-restricted-globals': [
    'error',
    ...['process', 'console', 'fetch', 'performance', 'crypto', 'setTimeout', 'setInterval', 'setImmediate'].map(
      (name) => ({ name, message: OUTSIDE }),
    ),
  ],
  'no-restricted-syntax': [
    'error',
    { selector: 'NewExpression[callee.name="Date"][arguments.length=0]', message: NOW },
    { selector: 'CallExpression[callee.object.name="Date"][callee.property.name="now"]', message: NOW },
    {
      selector:
        'CallExpression[callee.object.name="DateTime"][callee.property.name=/^(now|local|utc)$/][arguments.length=0]',
      message: NOW,
    },
    { selector: 'CallExpression[callee.object.name="Math"][callee.property.name="random"]', message: CHANCE },
  ],
  '@typescript-eslint/no-restricted-imports': [
    'error',
    { name: '@waybill/kernel', importNames: ['newId'], message: CHANCE },
    { name: '@waybill/kernel', importNames: ['within'], message: OUTSIDE },
    {
      name: 'node:crypto',
      importNames: ['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues'],
      message: CHANCE,
    },
  ],
};

const tests = ['**/*.spec.ts', '**/*-suite.ts', '**/testing/**'];

/** What serves customers runs without the test kit. */
const withoutTestkit = {
  files: ['libs/**/*.ts', 'services/*/src/**/*.ts'],
  ignores: ['libs/testkit/**', ...tests],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: [{ group: ['@waybill/testkit/*'], message: 'The test kit is for tests, and for tools.' }] },
    ],
  },
};

/** A folder of pure code; `within` is a regular expression of the paths that its relative imports may lead to. */
const pure = (files, within, packages, rules = {}) => ({
  files: [files],
  ignores: tests,
  plugins: { waybill },
  rules: { ...rules, 'waybill/pure-imports': ['error', { within, ...packages }] },
});

export const folderWalls = [
  withoutTestkit,
  pure('libs/kernel/**/*.ts', '/libs/kernel/', { packages: ['node:crypto'] }),
  // What services say to each other, and the rules they share: pure, so that aggregates may use them.
  pure('libs/contracts/**/*.ts', '/libs/contracts/', {
    packages: ['@waybill/kernel', 'luxon', 'typebox', 'typebox/compile'],
  }),
  pure(
    `services/*/src/{${AGGREGATES.join(',')}}/**/*.ts`,
    `/services/[^/]+/src/(${AGGREGATES.join('|')})/`,
    { packages: ['@waybill/kernel', '@waybill/contracts', 'node:crypto', 'luxon'], typesOf: '@waybill/' },
    impurities,
  ),
];
