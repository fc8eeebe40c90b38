import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ErrorKind } from '@waybill/kernel';
import { STATUS } from './problem.js';
import { problemTypes } from './problem-types.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const NOT_OURS = /\/(dist|node_modules|fixtures|testing|testkit)\/|(\.spec|-suite)\.ts$/;

const sources = globSync('{libs,services,tools/distributed}/**/*.ts', { cwd: ROOT })
  .filter((path) => !NOT_OURS.test(path))
  .map((path) => ({ path, text: readFileSync(`${ROOT}${path}`, 'utf8') }));

const LITERAL = /new WaybillError\(\s*'([a-z-]+)',\s*'([a-z-]+)'/g;
const ANY = /new WaybillError\(\s*([^\s,)]+)/g;
/** Problems made in other ways: as plain data, or where the slug is handed over. */
const OTHERWISE: readonly RegExp[] = [
  /\bslug: '([a-z-]+)'/g,
  /\b(?:conflict|fileNameInvalid)\(\s*'([a-z-]+)'/g,
  /const RUN_SUPERSEDED = '([a-z-]+)'/g,
];
/** In tables, beside much else. */
const IN_TABLES = /^ {2}(?:'[a-z-]+'|[a-z]+|\d{3}): \[?'([a-z]+(?:-[a-z]+)+)'/gm;
/** Whose slugs the patterns above find. */
const HANDED_OVER = new Set(['slug', '...known', 'RUN_SUPERSEDED', 'SLUGS[code]', 'busy']);

const thrown = new Map<string, Set<string>>();
for (const { text } of sources) {
  for (const [, slug = '', kind = ''] of text.matchAll(LITERAL))
    thrown.set(slug, (thrown.get(slug) ?? new Set()).add(kind));
}
const found = (pattern: RegExp) =>
  sources.flatMap(({ text }) => [...text.matchAll(pattern)].map(([, slug = '']) => slug));
const raised = new Set([...thrown.keys(), ...OTHERWISE.flatMap(found)]);
const mentioned = new Set([...raised, ...found(IN_TABLES)]);

describe('the pages behind the types of problems', () => {
  it('explain every problem that the sources throw', () => {
    expect([...raised].filter((slug) => !Object.hasOwn(problemTypes, slug))).toEqual([]);
    expect(thrown.size).toBeGreaterThan(80);
  });

  it('know where slugs come from that are no literals', () => {
    const unknown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(ANY)]
        .filter(([, first = '']) => !first.startsWith("'") && !HANDED_OVER.has(first))
        .map(([, first]) => `${path}: ${first}`),
    );
    expect(unknown).toEqual([]);
  });

  it('explain nothing that nobody throws', () => {
    expect(Object.keys(problemTypes).filter((slug) => !mentioned.has(slug))).toEqual([]);
  });

  it('say the status that answers have', () => {
    const wrong = Object.entries(problemTypes).filter(
      ([slug, [kind]]) => !(kind in STATUS) || (thrown.has(slug) && !thrown.get(slug)?.has(kind)),
    );
    expect(wrong).toEqual([]);
  });

  it('are one or two plain sentences', () => {
    for (const [slug, [, meaning]] of Object.entries(problemTypes) as [string, [ErrorKind, string]][]) {
      expect(`${slug}: ${meaning}`).toMatch(/^[a-z-]+: .{20,320}\.$/);
    }
  });
});
