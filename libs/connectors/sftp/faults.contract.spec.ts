import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SftpPartner, partnerOn } from '@waybill/testkit/sftp-partner';
import {
  cutAfter,
  denying,
  type Faults,
  fullAfter,
  hangingOn,
  lacking,
  losingAnswerOf,
  type SftpRequest,
  type SftpServer,
  type SftpServerOptions,
  slowBy,
  startSftpServer,
} from '@waybill/testkit/sftp-server';
import { inChunks, numberedBytes, sha256 } from '../contract-suite.js';
import type { Credentials, Environment, FileSink, Proof } from '../port.js';
import { createSftpConnector } from './index.js';

const connector = createSftpConnector({ request: 10_000 });
/** For servers that fall silent; those that answer write to a real disk, which may be busy. */
const SILENCE_MS = 3_000;
const impatient = createSftpConnector({ request: SILENCE_MS });
const environment: Environment = { allowPrivateNetworks: true, signal: new AbortController().signal };
const user = { username: 'bob', password: 'right horse' };
const target = { folder: 'in' };

let root: string;
let partner: SftpPartner;
let servers: SftpServer[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'waybill-sftp-faults-'));
  await mkdir(join(root, 'in'));
  partner = partnerOn(root);
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await rm(root, { recursive: true });
});

const start = async (faults: Faults = {}, options: Partial<SftpServerOptions> = {}): Promise<SftpServer> => {
  const server = await startSftpServer({ root, users: [user], faults, ...options });
  servers.push(server);
  return server;
};

const credentialsFor = (
  { host, port, fingerprint }: Pick<SftpServer, 'host' | 'port' | 'fingerprint'>,
  authentication: Readonly<Record<string, unknown>> = {},
): Credentials => ({
  scope: { tenant: 'acme', sandbox: 'prod' },
  accountId: 'account-1',
  method: 'password',
  authentication: { ...user, host, port, hostKey: fingerprint, ...authentication },
  findings: {},
});

const openSink = (server: SftpServer, { signal = environment.signal, findings = {}, by = connector } = {}) =>
  by.openFileSink!({ ...credentialsFor(server), findings }, target, { ...environment, signal });

const failedChecks = ({ checks }: Proof) =>
  checks
    .filter(({ outcome, optional }) => outcome === 'failed' && !optional)
    .map(({ name, code }) => `${name} ${code}`);

const stage = (sink: FileSink, content: Buffer, path = 'in/audience.csv') =>
  sink.stage(path, inChunks(content), { owner: 'run-1/part-1' });

const small = Buffer.from('id\n1\n');
const large = numberedBytes(5_000_000);

describe('a host that is not what it should be', () => {
  const listening = async (server: Server): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  const hostKey = `SHA256:${'A'.repeat(43)}`;
  const proofOf = (host: string, port: number) =>
    connector.proveCredentials(
      credentialsFor({ host: '127.0.0.1', port, fingerprint: hostKey }, { host }),
      environment,
    );

  it('refuses the connection: unreachable, and the rest is not tried', async () => {
    const closed = createServer();
    const port = await listening(closed);
    closed.close();
    const proof = await proofOf('127.0.0.1', port);
    expect(failedChecks(proof)).toEqual(['reach unreachable/ECONNREFUSED']);
    expect(proof.checks.slice(1).map(({ outcome }) => outcome)).toEqual(Array(4).fill('skipped'));
  });

  it('has a name that no resolver knows: unreachable', async () => {
    const [failed] = failedChecks(await proofOf('no-such-host.invalid', 22));
    expect(failed).toMatch(/^reach (unreachable\/E\w+|timed-out\/ETIMEDOUT)$/);
  });

  it.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'unreachable/ECONNRESET'],
    ['version 1 of SSH', 'SSH-1.5-old\r\n', 'not-supported'],
  ])('speaks %s: said so', async (_, greeting, code) => {
    const other = createServer((socket) => socket.end(greeting));
    const proof = await proofOf('127.0.0.1', await listening(other));
    other.close();
    expect(failedChecks(proof)).toEqual([`transport ${code}`]);
    expect(proof.checks[1]?.message).toMatch(/SSH/);
  });
});

describe('a server that falls silent', () => {
  it.each([
    ['after it accepted the connection', 'accept', 'transport', 0],
    ['after the key exchange', 'key-exchange', 'authenticate', 0],
    ['after it let the user in', 'sign-in', 'open-sftp', 1],
  ] as const)('%s is timed out within its deadline', async (_, hangAfter, check, attempts) => {
    const server = await start({ hangAfter });
    const started = performance.now();
    const hasty = createSftpConnector({ handshake: 2_000 });
    const proof = await hasty.proveCredentials(credentialsFor(server), environment);
    expect(failedChecks(proof)).toEqual([`${check} timed-out/ETIMEDOUT`]);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(server.signInAttempts).toBe(attempts);
    await expect(openSink(server, { by: hasty })).rejects.toMatchObject({
      slug: 'partner-timeout',
      kind: 'unavailable',
    });
  });

  it('lets an abort end the wait at once', async () => {
    const server = await start({ hangAfter: 'accept' });
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('shutting down')), 50);
    await expect(openSink(server, { signal: abort.signal })).rejects.toThrow('shutting down');
  });

  it.each(['OPEN', 'WRITE', 'fsync@openssh.com', 'CLOSE'])(
    'on %s: the upload is timed out, and its temporary file removed over a new connection',
    async (name) => {
      const server = await start();
      const sink = await openSink(server, { by: impatient });
      server.faults.onRequest = (request) => (request.path.endsWith('.part') ? hangingOn(name)(request) : undefined);
      await expect(stage(sink, small)).rejects.toMatchObject({ slug: 'partner-timeout', kind: 'unavailable' });
      await sink.close();
      expect(await partner.leftovers()).toEqual([]);
    },
  );

  it('is not sent more than the window', async () => {
    const server = await start({ onRequest: hangingOn('WRITE') });
    const sink = await openSink(server, { by: impatient });
    let read = 0;
    async function* counted() {
      for await (const chunk of inChunks(numberedBytes(20_000_000))) {
        read += chunk.length;
        yield chunk;
      }
    }
    await expect(sink.stage('in/a.csv', counted(), { owner: 'run-1' })).rejects.toMatchObject({
      slug: 'partner-timeout',
    });
    await sink.close();
    expect(read).toBeLessThan(2.5 * 1024 * 1024);
  });

  it('fails the proof of the target at that call', async () => {
    const server = await start({ onRequest: hangingOn('RENAME') });
    const proof = await impatient.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toContain('posix-rename timed-out/ETIMEDOUT');
    expect(proof.checks.find(({ name }) => name === 'delete')?.message).toContain('may stay at the partner');
  });

  it('lets an abort end a proof, which takes back what it wrote', async () => {
    const abort = new AbortController();
    const onRequest = (request: SftpRequest) => {
      const reaction = hangingOn('fsync@openssh.com')(request);
      if (reaction) abort.abort(new Error('shutting down'));
      return reaction;
    };
    const server = await start({ onRequest });
    const proof = connector.proveTarget(credentialsFor(server), target, { ...environment, signal: abort.signal });
    await expect(proof).rejects.toThrow('shutting down');
    expect(await partner.leftovers()).toEqual([]);
  });

  it('is told from one that is slow but answers', async () => {
    const server = await start();
    const sink = await openSink(server, { by: impatient });
    server.faults.onRequest = slowBy(600);
    const started = performance.now();
    const staged = await stage(sink, large);
    expect(performance.now() - started).toBeGreaterThan(SILENCE_MS);
    server.faults.onRequest = () => undefined;
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'published' });
    await sink.close();
    expect(sha256((await partner.read('in/audience.csv'))!)).toBe(sha256(large));
  });
});

describe('a connection that breaks', () => {
  it('in the middle of a file: unavailable, and the temporary file is removed over a new one', async () => {
    const server = await start({ onRequest: cutAfter(2_000_000) });
    const sink = await openSink(server);
    await expect(stage(sink, large)).rejects.toMatchObject({ slug: 'partner-unavailable', kind: 'unavailable' });
    expect(await partner.leftovers()).toEqual([]);
    expect(await sink.publish(await stage(sink, large))).toMatchObject({ outcome: 'published' });
    await sink.close();
  });

  it('while the file gets its name: calling again settles it', async () => {
    const server = await start();
    const sink = await openSink(server);
    const staged = await stage(sink, large);
    server.faults.onRequest = losingAnswerOf('RENAME');
    await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'partner-unavailable' });
    expect(await sink.publish(staged)).toMatchObject({ outcome: 'settled', bytes: large.length });
    await sink.close();
    expect(await partner.leftovers()).toEqual([]);
  });

  it('between two files: the next call opens another', async () => {
    const server = await start();
    const sink = await openSink(server);
    const staged = await stage(sink, small);
    server.faults.onRequest = cutAfter(0);
    await expect(stage(sink, small, 'in/other.csv')).rejects.toMatchObject({ slug: 'partner-unavailable' });
    const again = await stage(sink, small);
    expect(await sink.publish(again)).toMatchObject({ outcome: 'published' });
    expect(staged.handle).toEqual(again.handle);
    await sink.close();
  });

  it('and comes back with another host key is not used, and gets no password', async () => {
    const server = await start();
    const sink = await openSink(server);
    await server.stop();
    const impostor = await start({}, { port: server.port });
    await expect(sink.stat('in/a.csv')).rejects.toThrow(); // the first call may find the old connection gone
    await expect(sink.stat('in/a.csv')).rejects.toMatchObject({ slug: 'host-key-changed', kind: 'refused' });
    expect(impostor.signInAttempts).toBe(0);
    await sink.close();
  });

  it('is not opened for every file', async () => {
    const server = await start();
    const sink = await openSink(server);
    for (const name of ['a', 'b', 'c']) await sink.publish(await stage(sink, small, `in/${name}.csv`));
    expect(server.signInAttempts).toBe(1);
    await sink.close();
  });
});

describe('a server that refuses', () => {
  it.each([
    ['no space left', fullAfter(1_000_000), 'partner-storage-full'],
    ['a right', denying('WRITE'), 'partner-permission-denied'],
    ['an operation', lacking('WRITE'), 'partner-rejected'],
  ])('for %s: the upload says so, and leaves nothing behind', async (_, onRequest, slug) => {
    const server = await start({ onRequest });
    const sink = await openSink(server);
    await expect(stage(sink, large)).rejects.toMatchObject({ slug, kind: 'refused' });
    expect(await partner.leftovers()).toEqual([]);
    await sink.close();
  });

  it('says a full disk by its code in the proof of the target', async () => {
    const server = await start({ onRequest: fullAfter(1_000) });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toEqual(['write storage-full/SSH_FX_FAILURE']);
    expect(await partner.leftovers()).toEqual([]);
  });

  it('to delete: the proof stops before it writes', async () => {
    const server = await start({ onRequest: denying('REMOVE') });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toEqual(['delete-missing permission-denied/SSH_FX_PERMISSION_DENIED']);
    expect(proof.checks.find(({ name }) => name === 'create')?.outcome).toBe('skipped');
    expect(await partner.leftovers()).toEqual([]);
  });

  it('to delete only what is there: the proof says which file stays', async () => {
    const server = await start({
      onRequest: (request) => (request.path.endsWith('-missing.part') ? undefined : denying('REMOVE')(request)),
    });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toEqual(['delete permission-denied/SSH_FX_PERMISSION_DENIED']);
    const { message } = proof.checks.find(({ name }) => name === 'delete')!;
    const left = await partner.leftovers();
    expect(left.length).toBeGreaterThan(0);
    for (const path of left) expect(message).toContain(`"${path}"`);
  });

  it('to rename: the file is not published, and may be discarded', async () => {
    const server = await start({ onRequest: denying('RENAME', 'posix-rename@openssh.com') });
    const sink = await openSink(server);
    const staged = await stage(sink, small);
    await expect(sink.publish(staged)).rejects.toMatchObject({ slug: 'partner-permission-denied' });
    await sink.discard(staged);
    expect(await partner.leftovers()).toEqual([]);
    await sink.close();
  });

  it('any plain rename: posix-rename is used, and declared', async () => {
    const server = await start({ onRequest: lacking('RENAME') });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toEqual([]);
    expect(proof.findings).toMatchObject({ rename: 'unsupported' });
    const sink = await openSink(server);
    expect(await sink.publish(await stage(sink, small))).toMatchObject({ fallback: 'posix-rename' });
    await sink.close();
  });

  it('any rename at all: the proof fails', async () => {
    const server = await start({ onRequest: lacking('RENAME') }, { extensions: [] });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(failedChecks(proof)).toEqual(['rename not-supported/SSH_FX_OP_UNSUPPORTED']);
    expect(await partner.leftovers()).toEqual([]);
  });

  it('a name that is taken, and its content to be read: the name is taken', async () => {
    const server = await start({
      onRequest: (request) => (request.path.endsWith('.csv') ? denying('OPEN')(request) : undefined),
    });
    await partner.write('in/audience.csv', Buffer.from('id\n2\n'));
    const sink = await openSink(server);
    const staged = await stage(sink, small);
    await expect(sink.publish(staged)).rejects.toThrow('content that we may not read');
    await sink.discard(staged);
    await sink.close();
  });
});

describe('a server whose plain rename replaces', () => {
  it('is found out by the proof, and what is there is left alone all the same', async () => {
    const server = await start({ renameReplaces: true });
    const proof = await connector.proveTarget(credentialsFor(server), target, environment);
    expect(proof).toMatchObject({ outcome: 'passed', findings: { rename: 'replaces' } });
    expect(proof.checks.find(({ name }) => name === 'rename-refused')).toMatchObject({
      outcome: 'failed',
      optional: true,
    });
    const sink = await openSink(server, { findings: proof.findings });
    expect(await sink.publish(await stage(sink, small))).toMatchObject({ fallback: 'rename-replaces' });
    const other = await stage(sink, Buffer.from('id\n2\n'));
    await expect(sink.publish(other)).rejects.toMatchObject({ slug: 'name-taken' });
    expect(await partner.read('in/audience.csv')).toEqual(small);
    await sink.close();
  });
});

describe('signing in', () => {
  it('offers nothing secret to a server whose host key is not confirmed', async () => {
    const server = await start();
    const proof = await connector.proveCredentials(credentialsFor(server, { hostKey: undefined }), environment);
    expect(proof.unconfirmedHostKey).toEqual({ fingerprint: server.fingerprint, algorithm: 'ssh-ed25519' });
    expect(server.signInAttempts).toBe(0);
  });

  it('offers a wrong password once', async () => {
    const server = await start();
    const proof = await connector.proveCredentials(credentialsFor(server, { password: 'wrong' }), environment);
    expect(failedChecks(proof)).toEqual(['authenticate bad-secret']);
    expect(server.signInAttempts).toBe(1);
  });

  it('answers keyboard-interactive where the server asks that way', async () => {
    const server = await start({}, { users: [{ ...user, keyboardInteractive: true }] });
    expect((await connector.proveCredentials(credentialsFor(server), environment)).outcome).toBe('passed');
    const wrong = await connector.proveCredentials(credentialsFor(server, { password: 'wrong' }), environment);
    expect(failedChecks(wrong)).toEqual(['authenticate bad-secret']);
  });
});

describe('a path', () => {
  it.each(['/etc/audience.csv', 'inside/audience.csv', 'in/../audience.csv'])(
    'outside the folder of the target is a defect of ours: %s',
    async (path) => {
      const sink = await openSink(await start());
      await expect(stage(sink, small, path)).rejects.toMatchObject({ slug: 'path-outside-target', kind: 'internal' });
      await sink.close();
    },
  );

  it('in a folder that is gone is refused', async () => {
    const sink = await openSink(await start());
    await rm(join(root, 'in'), { recursive: true });
    await expect(stage(sink, small)).rejects.toMatchObject({ slug: 'partner-rejected', kind: 'refused' });
    await sink.close();
  });
});
