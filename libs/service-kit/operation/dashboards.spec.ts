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

describe('docs/operations/grafana-dashboard.json', () => {
  it('shows every metric of ours', () => {
    const shown = [...namesIn(textOf('docs/operations/grafana-dashboard.json'), /\b(waybill_[a-z_]+)/g)];
    const names = new Set(shown.map((name) => name.replace(SUFFIX, '')));
    expect([...declared].filter((name) => !names.has(name))).toEqual([]);
  });

  it('lays its panels out without one upon another', () => {
    const { panels } = JSON.parse(textOf('docs/operations/grafana-dashboard.json')) as {
      panels: readonly { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });
});
