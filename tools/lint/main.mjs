// npm run lint [-- paths] [-- --fix]: ESLint for rules and walls, Prettier for looks, side by side.
import { join } from 'node:path';
import { modules, run } from '../bootstrap/run.mjs';

const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith('-'));
const paths = given.filter((argument) => !argument.startsWith('-'));
const targets = paths.length > 0 ? paths : ['.'];
// Without a cache: what a rule says of a file depends on the types in others.
const eslint = [join(modules, 'eslint/bin/eslint.js'), '--max-warnings=0', ...options, ...targets];
const look = options.includes('--fix') ? '--write' : '--check';
const prettier = [join(modules, 'prettier/bin/prettier.cjs'), look, '--log-level=warn', '--cache', ...targets];

const [rules, looks] = await Promise.all([
  run(process.execPath, eslint),
  run(process.execPath, prettier, { quiet: true }),
]);
if (looks.code !== 0) console.error(`${looks.output.trimEnd()}\nnpm run lint -- --fix mends this.`);
process.exitCode = rules.code || looks.code;
