import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { chmod, mkdtemp, open, rm, stat, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connectorFor, type Credentials, type Environment } from '@waybill/connectors';
import { findOpenSsh, findOpenSshWithDisk, type OpenSshServer } from '@waybill/testkit/openssh';
import { alternate, type Bench, rates } from './result.js';
import { ed25519Key } from '@waybill/testkit/ssh-key';

const MEBIBYTE = 1024 * 1024;
const MEBIBYTES = 500;

/**
 * One file to OpenSSH's sshd: ours with all that publication takes (exclusive temporary name, SHA-256, fsync, size,
 * rename) against a bare `sftp` put, connecting included on both sides.
 */
export const sftpUpload: Bench = async ({ rounds, progress }) => {
  const name = `${MEBIBYTES} MB to OpenSSH, ${hasNativeCipher() ? 'native cipher' : 'no native cipher'}`;
  const openSsh = findOpenSsh();
  if (!openSsh.available) return [{ name, notRun: openSsh.reason }];
  // In memory where that can be mounted, so that no disk is measured.
  const inMemory = findOpenSshWithDisk().available ? { diskBytes: 2 * MEBIBYTES * MEBIBYTE } : {};
  const home = await mkdtemp(join(tmpdir(), 'waybill-bench-sftp-'));
  const server = await openSsh.value.start(inMemory);
  try {
    const file = join(home, 'audience.csv.gz.pgp');
    await writeRandom(file, MEBIBYTES);
    const key = ed25519Key();
    await server.authorize(key.public);
    progress('warming both up');
    const sides = { ours: ours(server, file, key.private), sftp: await bareSftp(server, file, key.private, home) };
    await sides.sftp();
    await sides.ours();
    const measured = await alternate(rounds, sides.ours, sides.sftp);
    return [
      rates({ name, ...measured, baselineName: 'sftp put', unit: 'MiB/s', budget: { kind: 'ratio', atLeast: 1 } }),
    ];
  } finally {
    await server.stop();
    await rm(home, { recursive: true });
  }
};

const { bindingAvailable } = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
  readonly bindingAvailable: boolean;
};
const hasNativeCipher = (): boolean => bindingAvailable;

/** Like what is compressed and encrypted. */
const writeRandom = async (path: string, mebibytes: number): Promise<void> => {
  const file = await open(path, 'w');
  for (let written = 0; written < mebibytes; written += 1) await file.write(randomBytes(MEBIBYTE));
  await file.close();
};

/** MiB/s of one upload; the file is taken away again. */
const timed = async (server: OpenSshServer, remote: string, upload: () => Promise<void>): Promise<number> => {
  const started = performance.now();
  await upload();
  const seconds = (performance.now() - started) / 1000;
  const place = join(server.root, remote);
  const { size } = await stat(place);
  if (size !== MEBIBYTES * MEBIBYTE) throw new Error(`${remote} has ${size} bytes.`);
  await rm(place);
  return MEBIBYTES / seconds;
};

/** In one buffer, since the sink has sent a chunk when it asks for the next: the upload is measured, and no garbage of ours. */
async function* contentOf(path: string): AsyncGenerator<Uint8Array> {
  await using file = await open(path);
  const buffer = Buffer.allocUnsafe(MEBIBYTE);
  for (;;) {
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

const ours = (server: OpenSshServer, file: string, privateKey: string) => () => {
  const remote = `${server.folder}/${randomUUID()}`;
  const environment: Environment = { allowPrivateNetworks: true, signal: new AbortController().signal };
  const { host, port, username, hostKeys } = server;
  const credentials: Credentials = {
    scope: { tenant: 'bench', sandbox: 'prod' },
    accountId: 'bench',
    method: 'ssh-key',
    authentication: { host, port, username, privateKey, hostKey: hostKeys.ed25519 },
    findings: {},
  };
  return timed(server, remote, async () => {
    const sink = await connectorFor('sftp')!.openFileSink!(credentials, { folder: server.folder }, environment);
    const staged = await sink.stage(remote, contentOf(file), { owner: remote });
    await sink.publish(staged);
    await sink.close();
  });
};

const bareSftp = async (server: OpenSshServer, file: string, privateKey: string, home: string) => {
  const [identity, knownHosts] = [join(home, 'identity'), join(home, 'known_hosts')];
  await writeFile(identity, privateKey);
  await chmod(identity, 0o600);
  await writeFile(knownHosts, `[${server.host}]:${server.port} ${server.hostKeys.ed25519}\n`);
  return () => {
    const remote = `${server.folder}/${randomUUID()}`;
    return timed(server, remote, async () => {
      const batch = join(home, 'batch');
      await writeFile(batch, `put ${file} ${remote}\n`);
      const options = ['-q', '-b', batch, '-P', String(server.port), '-i', identity];
      const settings = [`UserKnownHostsFile=${knownHosts}`, 'IdentitiesOnly=yes', 'IdentityAgent=none'];
      const args = [...options, '-F', 'none', ...settings.flatMap((setting) => ['-o', setting])];
      await promisify(execFile)('sftp', [...args, `${server.username}@${server.host}`]);
    });
  };
};
