import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectorFor, type Credentials, type Environment } from '@waybill/connectors';
import { observeS3, type S3Counterpart } from '@waybill/testkit/s3';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import { alternate, type Bench, rates } from './result.js';

const MEBIBYTE = 1024 * 1024;
const MEBIBYTES = 500;
const BUCKET = 'bench';
const run = promisify(execFile);

/**
 * One file to versitygw: ours with all that publication takes (SHA-256 of the file and of each part, completion under a
 * condition, verification) against an upload by s3cmd, or by the AWS CLI where that is not installed.
 */
export const s3Upload: Bench = async ({ rounds, progress }) => {
  const name = `${MEBIBYTES} MB to versitygw`;
  const versitygw = findVersitygw();
  if (!versitygw.available) return [{ name, notRun: versitygw.reason }];
  const home = await mkdtemp(join(tmpdir(), 'waybill-bench-s3-'));
  const server = await startVersitygw(versitygw.value, [BUCKET]);
  try {
    const file = join(home, 'audience.csv.gz.pgp');
    await writeRandom(file, MEBIBYTES);
    const peer = await findPeer(server, file, home);
    if (!peer) return [{ name, notRun: 'neither s3cmd nor the AWS CLI is installed' }];
    const ours = await waybill(server, file);
    progress(`warming up both, against ${peer.name}`);
    await timed(server, peer.upload);
    await timed(server, ours);
    const measured = await alternate(
      rounds,
      () => timed(server, ours),
      () => timed(server, peer.upload),
    );
    return [
      rates({ name, ...measured, baselineName: peer.name, unit: 'MiB/s', budget: { kind: 'ratio', atLeast: 0.9 } }),
    ];
  } finally {
    await server.stop();
    await rm(home, { recursive: true });
  }
};

/** Like what is compressed and encrypted. */
const writeRandom = async (path: string, mebibytes: number): Promise<void> => {
  const file = await open(path, 'w');
  for (let written = 0; written < mebibytes; written += 1) await file.write(randomBytes(MEBIBYTE));
  await file.close();
};

/** MiB/s of one upload; what it wrote is looked at and taken away again. */
const timed = async (server: S3Counterpart, upload: (key: string) => Promise<void>): Promise<number> => {
  const key = `exports/${randomUUID()}`;
  const started = performance.now();
  await upload(key);
  const seconds = (performance.now() - started) / 1000;
  const observer = observeS3(server);
  const bytes = await observer.size(BUCKET, key);
  if (bytes !== MEBIBYTES * MEBIBYTE) throw new Error(`${key} has ${bytes} bytes.`);
  await observer.remove(BUCKET, key);
  observer.close();
  return MEBIBYTES / seconds;
};

const waybill = async (server: S3Counterpart, file: string): Promise<(key: string) => Promise<void>> => {
  const connector = connectorFor('amazon-s3')!;
  const environment: Environment = { allowPrivateNetworks: true, signal: new AbortController().signal };
  const target = { bucket: BUCKET, folder: 'exports' };
  const { endpoint, accessKeyId, secretAccessKey } = server;
  const account: Credentials = {
    scope: { tenant: 'bench', sandbox: 'prod' },
    accountId: 'bench',
    method: 'access-key',
    authentication: { endpoint, accessKeyId, secretAccessKey },
    findings: {},
  };
  const { findings } = await connector.proveTarget(account, target, environment);
  return async (key) => {
    const sink = await connector.openFileSink!({ ...account, findings }, target, environment);
    const staged = await sink.stage(key, createReadStream(file, { highWaterMark: 256 * 1024 }), { owner: key });
    await sink.publish(staged);
    await sink.verify(staged);
    await sink.close();
  };
};

interface Peer {
  readonly name: string;
  readonly upload: (key: string) => Promise<void>;
}

const isInstalled = (program: string): Promise<boolean> =>
  run(program, ['--version']).then(
    () => true,
    () => false,
  );

const findPeer = async (server: S3Counterpart, file: string, home: string): Promise<Peer | undefined> => {
  const { accessKeyId, secretAccessKey, endpoint, region } = server;
  if (await isInstalled('s3cmd')) {
    const config = join(home, 's3cfg');
    const { host } = new URL(endpoint);
    const settings = { access_key: accessKeyId, secret_key: secretAccessKey, host_base: host, host_bucket: host };
    const lines = Object.entries({ ...settings, use_https: 'False', bucket_location: region });
    await writeFile(config, ['[default]', ...lines.map(([name, value]) => `${name} = ${value}`)].join('\n'));
    return {
      name: 's3cmd put',
      upload: async (key) => void (await run('s3cmd', ['-c', config, '--quiet', 'put', file, `s3://${BUCKET}/${key}`])),
    };
  }
  if (!(await isInstalled('aws'))) return undefined;
  const env = {
    ...process.env,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_DEFAULT_REGION: region,
  };
  const to = (key: string) => ['--endpoint-url', endpoint, 's3', 'cp', '--quiet', file, `s3://${BUCKET}/${key}`];
  return { name: 'aws s3 cp', upload: async (key) => void (await run('aws', to(key), { env })) };
};
