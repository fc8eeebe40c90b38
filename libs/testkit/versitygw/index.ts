import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Availability, available, unavailable } from '../availability/index.js';
import { cacheFolder, mayInstall } from '../install/index.js';
import { answersHttp, freePort, startProcess } from '../local-process/index.js';
import type { S3Counterpart } from '../s3/index.js';

const VERSION = 'v1.8.0';

/** The path of the program, which stands in the cache once built. */
export const findVersitygw = (): Availability<string> => {
  const binary = join(cacheFolder('versitygw'), `versitygw-${VERSION}`, 'versitygw');
  return existsSync(binary)
    ? available(binary)
    : unavailable(`versitygw ${VERSION} is not built; CI=true builds it where Go is installed`);
};

/** Builds versitygw with Go (two minutes, once) where that is allowed. */
export const prepare = (): Availability<string> => {
  const found = findVersitygw();
  if (found.available || !mayInstall()) return found;
  const { status, error } = spawnSync('go', ['install', `github.com/versity/versitygw/cmd/versitygw@${VERSION}`], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, GOBIN: join(cacheFolder('versitygw'), `versitygw-${VERSION}`) },
  });
  if (status === 0) return findVersitygw();
  return unavailable(error ? `Go is not installed (${error.message})` : `go install ended with ${status}`);
};

/** A real S3 server on a temporary folder, with these buckets in it. `versioning`: they may keep versions. */
export const startVersitygw = async (
  binary: string,
  buckets: readonly string[] = [],
  { versioning = false }: { readonly versioning?: boolean } = {},
): Promise<S3Counterpart> => {
  const home = await mkdtemp(join(tmpdir(), 'waybill-versitygw-'));
  const [iam, data, versions] = [join(home, 'iam'), join(home, 'data'), join(home, 'versions')];
  for (const folder of [iam, data, versions, ...buckets.map((name) => join(data, name))]) await mkdir(folder);
  const address = `127.0.0.1:${await freePort()}`;
  const user = { accessKeyId: 'waybill-test', secretAccessKey: 'waybill/test+secret' };
  const server = await startProcess(
    binary,
    [
      ...['--quiet', '--keep-alive', '--port', address, '--iam-dir', iam],
      ...['posix', ...(versioning ? ['--versioning-dir', versions] : []), data],
    ],
    answersHttp(`http://${address}/`),
    { env: { ROOT_ACCESS_KEY: user.accessKeyId, ROOT_SECRET_KEY: user.secretAccessKey } },
  );
  return {
    endpoint: `http://${address}`,
    region: 'us-east-1',
    ...user,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};
