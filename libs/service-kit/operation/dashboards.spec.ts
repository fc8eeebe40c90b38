import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');
const namesIn = (text: string, pattern: RegExp): ReadonlySet<string> =>
  new Set([...text.matchAll(pattern)].map(([, name = '']) => name));

const sources = globSync('{libs,services}/**/*.ts', { cwd: ROOT })
  .filter((path) => !/\/(dist|node_modules)\/|\.spec\.ts$/.test(path))
  .map(textOf)
  .join('\n');
/** As metrics are declared: `name: 'waybill_…'`, or handed to a helper as its first argument. */
const declared = new Set([
  ...namesIn(sources, /(?:name: |\(\s*)['`](waybill_[a-z_]+)['`]/g),
  ...[...namesIn(sources, /histogramOf\('([a-z]+)'/g)].map((what) => `waybill_${what}_duration_seconds`),
]);
const SUFFIX = /_(bucket|count|sum)$/;

describe.each(['docs/operations/grafana-dashboard.json', 'docs/operations/alerts.yaml'])('%s', (path) => {
  it('asks for metrics that there are', () => {
    const asked = namesIn(textOf(path), /\b(waybill_[a-z_]+)/g);
    expect(asked.size).toBeGreaterThan(8);
    expect([...asked].filter((name) => !declared.has(name.replace(SUFFIX, '')))).toEqual([]);
  });
});
