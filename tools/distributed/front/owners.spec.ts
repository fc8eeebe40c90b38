import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { SERVICES } from '@waybill/contracts';
import { ownerOf } from './owners.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** The paths that the sources of a service declare. */
const pathsOf = (service: string): readonly string[] =>
  globSync(`services/${service}/src/**/*.ts`, { cwd: root })
    .map((file) => readFileSync(`${root}${file}`, 'utf8'))
    .flatMap((source) => [...source.matchAll(/@ServiceController\('([^']+)'/g)])
    .map(([, path = '']) => `/${path.replaceAll(/:\w+/g, 'some-id')}`);

describe('the table of owners', () => {
  it.each(SERVICES)('gives %s each path that it declares', (service) => {
    const paths = pathsOf(service);
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.map((path) => [path, ownerOf(path)])).toEqual(paths.map((path) => [path, service]));
  });

  it.each([
    ['/v1/accounts?type=sftp&search=/v1/runs', 'account'],
    ['/v1/destinations/a%2Fruns', 'destination'],
    ['/v1/destinations/runs', 'destination'],
    ['/v1/destinations/1/runs?x', 'delivery'],
    ['/v1/destinations/1/history', 'destination'],
    ['/v1/segments/a%2Fb/members?mode=replace', 'audience'],
    ['/v1/%61ccounts', 'account'],
    ['/v1/accountsx', 'catalog'],
    ['/problems/not-found', 'catalog'],
    ['/', 'catalog'],
  ])('reads whole segments of a path: %s is of %s', (url, owner) => {
    expect(ownerOf(url)).toBe(owner);
  });
});
