import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { describeWith } from '@waybill/testkit/availability';
import { findOpenSsh, findOpenSshWithDisk, type OpenSshOptions, type OpenSshServer } from '@waybill/testkit/openssh';
import { partnerOn } from '@waybill/testkit/sftp-partner';
import ssh2 from 'ssh2';
import { fileConnectorContract, type FileDestination, inChunks, numberedBytes, sha256 } from '../contract-suite.js';
import type { Credentials, Environment, Findings, Proof } from '../port.js';
import { hostKeyOf } from './host-key.js';
import { createSftpConnector } from './index.js';
import { parsePrivateKey } from './private-key.js';
import { ed25519Key } from '@waybill/testkit/ssh-key';

const connector = createSftpConnector({ request: 10_000 });
const environment: Environment = { allowPrivateNetworks: true, signal: new AbortController().signal };

const credentialsFor = (
  server: OpenSshServer,
  authentication: Readonly<Record<string, unknown>> = { password: server.password },
  findings: Findings = {},
): Credentials => ({
  scope: { tenant: 'acme', sandbox: 'prod' },
  accountId: 'account-1',
  method: 'privateKey' in authentication ? 'ssh-key' : 'password',
  authentication: {
    host: server.host,
    port: server.port,
    username: server.username,
    hostKey: server.hostKeys.ed25519,
    ...authentication,
  },
  findings,
});

const failedChecks = ({ checks }: Proof) =>
  checks
    .filter(({ outcome, optional }) => outcome === 'failed' && !optional)
    .map(({ name, code }) => `${name} ${code}`);

const checkOf = (proof: Proof, name: string) => proof.checks.find((check) => check.name === name);

const fingerprintOf = (line = '') => hostKeyOf(Buffer.from(line.split(' ')[1] ?? '', 'base64')).fingerprint;

describeWith('SFTP to OpenSSH', findOpenSsh(), (openSsh) => {
  fileConnectorContract(async (): Promise<FileDestination> => {
    const server = await openSsh().start();
    const partner = partnerOn(server.root);
    return {
      connector: createSftpConnector(),
      credentials: credentialsFor(server),
      wrongCredentials: { credentials: credentialsFor(server, { password: 'wrong' }), code: 'bad-secret' },
      target: { folder: '/data' },
      missingTarget: { folder: '/nowhere' },
      partner: { ...partner, lose: ({ handle }) => partner.remove(String(handle['temporary'])) },
      close: () => server.stop(),
    };
  });

  describe('who one is, and who the server is', () => {
    let server: OpenSshServer;
    beforeAll(async () => {
      server = await openSsh().start({ hostKeys: ['rsa', 'ecdsa', 'ed25519'] });
    });
    afterAll(() => server.stop());

    it('shows the host key and sends no secret while nobody confirmed it', async () => {
      const proof = await connector.proveCredentials(
        credentialsFor(server, { password: server.password, hostKey: undefined }),
        environment,
      );
      expect(proof.unconfirmedHostKey).toEqual({
        fingerprint: fingerprintOf(server.hostKeys.ed25519),
        algorithm: 'ssh-ed25519',
      });
      expect(failedChecks(proof)).toEqual(['host-key host-key-unknown']);
      expect(checkOf(proof, 'authenticate')?.outcome).toBe('skipped');
    });

    it.each(['ed25519', 'ecdsa', 'rsa'] as const)(
      'accepts the fingerprint of its %s key, whichever it shows first, and remembers which one it is',
      async (type) => {
        const hostKey = fingerprintOf(server.hostKeys[type]);
        const proof = await connector.proveCredentials(
          credentialsFor(server, { password: server.password, hostKey }),
          environment,
        );
        expect(proof.outcome).toBe('passed');
        expect(proof.findings).toMatchObject({ hostKey, hostKeyAlgorithm: server.hostKeys[type]?.split(' ')[0] });
        const later = credentialsFor(server, { password: server.password, hostKey: undefined }, proof.findings);
        expect((await connector.proveCredentials(later, environment)).outcome).toBe('passed');
      },
    );

    it('stops when the host key is another one, and names both', async () => {
      const pinned = `SHA256:${'A'.repeat(43)}`;
      const credentials = credentialsFor(server, { password: server.password, hostKey: pinned });
      const proof = await connector.proveCredentials(credentials, environment);
      expect(failedChecks(proof)).toEqual(['host-key host-key-changed']);
      expect(proof.unconfirmedHostKey).toBeUndefined();
      const { message } = checkOf(proof, 'host-key')!;
      for (const line of Object.values(server.hostKeys)) expect(message).toContain(fingerprintOf(line));
      expect(message).toContain(pinned);
      await expect(connector.openFileSink!(credentials, { folder: '/data' }, environment)).rejects.toMatchObject({
        slug: 'host-key-changed',
        kind: 'refused',
      });
    });

    it('delivers to no server whose host key was never confirmed', async () => {
      const credentials = credentialsFor(server, { password: server.password, hostKey: undefined });
      await expect(connector.openFileSink!(credentials, { folder: '/data' }, environment)).rejects.toMatchObject({
        slug: 'partner-rejected',
      });
    });

    const pem = (key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1', passphrase?: string) => {
      const encryption = passphrase ? { cipher: 'aes-256-cbc', passphrase } : {};
      return key.export({ format: 'pem', type, ...encryption }).toString();
    };
    const openSshKey = (type: 'ed25519' | 'rsa' | 'ecdsa', passphrase?: string) => {
      const bits = { ed25519: undefined, rsa: 2048, ecdsa: 384 }[type];
      return ssh2.utils.generateKeyPairSync(
        type as 'rsa',
        {
          ...(bits ? { bits } : {}),
          ...(passphrase ? { passphrase, cipher: 'aes256-ctr', rounds: 8 } : {}),
        } as { bits: number },
      ).private;
    };
    const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const ecdsa = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
    const ed25519 = () => generateKeyPairSync('ed25519').privateKey;

    it.each([
      ['an RSA key in PEM (PKCS#1)', () => pem(rsa(), 'pkcs1'), undefined],
      ['an encrypted RSA key in PEM (PKCS#8)', () => pem(rsa(), 'pkcs8', 'open sesame'), 'open sesame'],
      ['an RSA key in OpenSSH format', () => openSshKey('rsa'), undefined],
      ['an ECDSA key in PEM (SEC 1)', () => pem(ecdsa(), 'sec1'), undefined],
      ['an encrypted ECDSA key in OpenSSH format', () => openSshKey('ecdsa', 'open sesame'), 'open sesame'],
      ['an Ed25519 key in PEM (PKCS#8)', () => pem(ed25519(), 'pkcs8'), undefined],
      ['an encrypted Ed25519 key in PEM', () => pem(ed25519(), 'pkcs8', 'open sesame'), 'open sesame'],
      ['an encrypted Ed25519 key in OpenSSH format', () => openSshKey('ed25519', 'open sesame'), 'open sesame'],
      ['the Base64 of a PEM key', () => Buffer.from(pem(rsa(), 'pkcs1')).toString('base64'), undefined],
      ['the Base64 of an OpenSSH key', () => Buffer.from(openSshKey('ed25519')).toString('base64'), undefined],
    ])('signs in with %s', async (_, makeKey, passphrase) => {
      const privateKey = makeKey();
      const key = parsePrivateKey(privateKey, passphrase);
      await server.authorize(`${key.type} ${key.getPublicSSH().toString('base64')}`);
      const proof = await connector.proveCredentials(credentialsFor(server, { privateKey, passphrase }), environment);
      expect(failedChecks(proof)).toEqual([]);
      expect(checkOf(proof, 'authenticate')?.message).toContain(hostKeyOf(key.getPublicSSH()).fingerprint);
    });

    it('names a key that the server does not know by type and fingerprint', async () => {
      const privateKey = openSshKey('ed25519');
      const proof = await connector.proveCredentials(credentialsFor(server, { privateKey }), environment);
      expect(failedChecks(proof)).toEqual(['authenticate bad-key']);
      const { fingerprint } = hostKeyOf(parsePrivateKey(privateKey).getPublicSSH());
      expect(checkOf(proof, 'authenticate')?.message).toContain(`ssh-ed25519 ${fingerprint}`);
    });
  });

  const withServer = async (options: OpenSshOptions, work: (server: OpenSshServer) => Promise<void>) => {
    const server = await openSsh().start(options);
    try {
      await work(server);
    } finally {
      await server.stop();
    }
  };

  describe('servers with rules of their own', () => {
    it('answers a keyboard-interactive question for the password', () =>
      withServer(
        { settings: ['UsePAM yes', 'PasswordAuthentication no', 'KbdInteractiveAuthentication yes'] },
        async (server) => {
          const proof = await connector.proveCredentials(credentialsFor(server), environment);
          expect(failedChecks(proof)).toEqual([]);
          expect(checkOf(proof, 'authenticate')?.message).toContain('keyboard-interactive');
          const wrong = await connector.proveCredentials(credentialsFor(server, { password: 'wrong' }), environment);
          expect(failedChecks(wrong)).toEqual(['authenticate bad-secret']);
        },
      ));

    it('says which methods a server takes that does not take ours', () =>
      withServer({ settings: ['AuthenticationMethods publickey'] }, async (server) => {
        const proof = await connector.proveCredentials(credentialsFor(server), environment);
        expect(failedChecks(proof)).toEqual(['authenticate not-supported']);
        expect(checkOf(proof, 'authenticate')?.message).toContain('publickey');
      }));

    it('says what a server still asks for after it accepted the key', () =>
      withServer({ settings: ['AuthenticationMethods publickey,password'] }, async (server) => {
        const { private: privateKey, public: publicKey } = ed25519Key();
        await server.authorize(publicKey);
        const proof = await connector.proveCredentials(credentialsFor(server, { privateKey }), environment);
        expect(failedChecks(proof)).toEqual(['authenticate not-supported']);
        expect(checkOf(proof, 'authenticate')?.message).toMatch(/accepted publickey.*asks for more: password/);
      }));

    it('goes on when the keys are exchanged anew in the middle of a file', () =>
      withServer({ settings: ['RekeyLimit 1M'] }, async (server) => {
        const sink = await connector.openFileSink!(credentialsFor(server), { folder: 'data' }, environment);
        const content = numberedBytes(12_000_000);
        const staged = await sink.stage('data/large.csv', inChunks(content), { owner: 'run-1' });
        await sink.publish(staged);
        await sink.close();
        expect(sha256((await partnerOn(server.root).read('data/large.csv'))!)).toBe(sha256(content));
      }));
  });

  describe('servers that deny a right', () => {
    it.each([
      ['to delete', '-P remove', ['delete-missing permission-denied/SSH_FX_PERMISSION_DENIED']],
      ['to create files', '-P open', ['create permission-denied/SSH_FX_PERMISSION_DENIED']],
      ['to rename', '-P rename,posix-rename', ['rename permission-denied/SSH_FX_PERMISSION_DENIED']],
      ['to make folders', '-P mkdir', ['make-folder permission-denied/SSH_FX_PERMISSION_DENIED']],
    ])('fail the proof of the target and leave nothing behind: %s', async (_, sftpArguments, failed) => {
      await withServer({ sftpArguments }, async (server) => {
        const proof = await connector.proveTarget(
          credentialsFor(server),
          { folder: '/data/%SEGMENT_ID%' },
          environment,
        );
        expect(failedChecks(proof)).toEqual(failed);
        expect(await partnerOn(server.root).leftovers()).toEqual([]);
      });
    });

    it('work without plain rename: posix-rename stands in, and the run says so', () =>
      withServer({ sftpArguments: '-P rename' }, async (server) => {
        const proof = await connector.proveTarget(credentialsFor(server), { folder: '/data' }, environment);
        expect(failedChecks(proof)).toEqual([]);
        expect(proof.findings).toMatchObject({ rename: 'unsupported' });
        const credentials = credentialsFor(server, undefined, proof.findings);
        const sink = await connector.openFileSink!(credentials, { folder: '/data' }, environment);
        const path = `/data/${randomUUID()}.csv`;
        const staged = await sink.stage(path, inChunks(Buffer.from('id\n1\n')), { owner: 'run-1' });
        expect(await sink.publish(staged)).toMatchObject({ outcome: 'published', fallback: 'posix-rename' });
        const other = await sink.stage(path, inChunks(Buffer.from('id\n2\n')), { owner: 'run-2' });
        await expect(sink.publish(other)).rejects.toMatchObject({ slug: 'name-taken' });
        await sink.close();
        expect((await partnerOn(server.root).read(path))?.toString()).toBe('id\n1\n');
      }));

    it('let a file be published where reading back is denied, and say that the proof found so', () =>
      withServer({ sftpArguments: '-P read' }, async (server) => {
        const proof = await connector.proveTarget(credentialsFor(server), { folder: '/data' }, environment);
        expect(proof.outcome).toBe('passed');
        expect(checkOf(proof, 'read-back')).toMatchObject({ outcome: 'failed', optional: true });
        const sink = await connector.openFileSink!(credentialsFor(server), { folder: '/data' }, environment);
        const staged = await sink.stage('/data/a.csv', inChunks(Buffer.from('id\n1\n')), { owner: 'run-1' });
        expect(await sink.publish(staged)).toMatchObject({ outcome: 'published' });
        await sink.close();
      }));
  });
});

describeWith('SFTP to OpenSSH with a full disk', findOpenSshWithDisk(), (openSsh) => {
  it('says that the storage is full, and leaves nothing behind', async () => {
    const server = await openSsh().start({ diskBytes: 4_000_000 });
    try {
      const sink = await connector.openFileSink!(credentialsFor(server), { folder: '/data' }, environment);
      const staged = sink.stage('/data/large.csv', inChunks(numberedBytes(9_000_000)), { owner: 'run-1' });
      await expect(staged).rejects.toMatchObject({ slug: 'partner-storage-full', kind: 'refused' });
      expect(await partnerOn(server.root).leftovers()).toEqual([]);
      await sink.close();
    } finally {
      await server.stop();
    }
  });
});
