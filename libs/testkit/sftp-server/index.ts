import { createHash, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import ssh2, { type AuthContext, type AuthenticationType, type ParsedKey, type PublicKeyAuthContext } from 'ssh2';
import { Disk } from './disk.js';
import type { Faults } from './faults.js';
import { type Extension, EXTENSIONS, serveSftp } from './subsystem.js';
import { ed25519Key } from '../ssh-key/index.js';

export * from './faults.js';

export interface SftpUser {
  readonly username: string;
  readonly password?: string;
  /** Asks for the password by keyboard-interactive, and does not offer the password method. */
  readonly keyboardInteractive?: boolean;
  /** A line of an authorized_keys file. */
  readonly publicKey?: string;
}

export interface SftpServerOptions {
  /** The folder on this disk that clients see as `/`, which is also where they start. */
  readonly root: string;
  readonly users: readonly SftpUser[];
  /** 0 takes a free one. */
  readonly port?: number;
  /** Private keys in OpenSSH format; a new Ed25519 key unless given. */
  readonly hostKeys?: readonly string[];
  readonly extensions?: readonly Extension[];
  readonly faults?: Faults;
}

export interface SftpServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Of the first host key, as OpenSSH prints it. */
  readonly fingerprint: string;
  /** Changes take effect at once. */
  readonly faults: Faults;
  /** How often a secret was offered, whether right or wrong. */
  readonly signInAttempts: number;
  stop(): Promise<void>;
}

/** An SFTP server on 127.0.0.1 that serves a folder: for tests and for the demonstration, with faults to inject. */
export const startSftpServer = async (options: SftpServerOptions): Promise<SftpServer> => {
  const { root, users, port = 0, extensions = EXTENSIONS, faults = {} } = options;
  const hostKeys = options.hostKeys ?? [ed25519Key().private];
  const disk = new Disk(root);
  const sockets = new Set<Socket>();
  let signInAttempts = 0;

  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const ssh = new ssh2.Server({ hostKeys: [...hostKeys], ident: 'waybill-testkit' }, (connection) => {
    connection.on('error', () => undefined); // a client that goes away in the middle is no business of ours
    connection.on('authentication', (context) => {
      if (faults.hangAfter === 'key-exchange') return;
      if (context.method !== 'none') signInAttempts += 1;
      const decide = () => signIn(context, users);
      if (context.method === 'none' || !faults.signInAfter) return decide();
      // A client that has gone by then is no business of ours either.
      void faults.signInAfter.then(decide).catch(() => undefined);
    });
    connection.on('session', (accept) => {
      if (faults.hangAfter === 'sign-in') return;
      accept().on('sftp', (acceptSftp) => serveSftp(acceptSftp(), disk, faults, extensions, cut));
    });
  });
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    if (faults.hangAfter !== 'accept') ssh.injectSocket(socket);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    fingerprint: fingerprintOf(hostKeys[0] ?? ''),
    faults,
    get signInAttempts() {
      return signInAttempts;
    },
    stop: async () => {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
};

const parseKey = (text: string): ParsedKey => {
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
};

const fingerprintOf = (privateKey: string): string =>
  `SHA256:${createHash('sha256').update(parseKey(privateKey).getPublicSSH()).digest('base64').replace(/=+$/, '')}`;

const same = (given: string | undefined, known: string): boolean => {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return given !== undefined && timingSafeEqual(digest(given), digest(known));
};

/** Lets a user in, or says by which methods one may try. One who is not known is told the same. */
const signIn = (context: AuthContext, users: readonly SftpUser[]): void => {
  const user = users.find(({ username }) => username === context.username);
  const { password, publicKey } = user ?? {};
  const byPassword = user?.keyboardInteractive ? 'keyboard-interactive' : 'password';
  const offered: AuthenticationType[] = [
    ...(user && password === undefined ? [] : ([byPassword] as const)),
    ...(user && publicKey === undefined ? [] : (['publickey'] as const)),
  ];
  const decide = (accepted: boolean) => (accepted ? context.accept() : context.reject(offered));
  if (context.method === 'publickey') decide(publicKey !== undefined && signedBy(parseKey(publicKey), context));
  else if (context.method !== byPassword || password === undefined) decide(false);
  else if (context.method === 'password') decide(same(context.password, password));
  else if (context.method === 'keyboard-interactive')
    context.prompt([{ prompt: 'Password: ', echo: false }], ([answer]) => decide(same(answer, password)));
};

/** Without a signature the client asks only whether the key would do. */
const signedBy = (key: ParsedKey, { key: offered, signature, blob, hashAlgo }: PublicKeyAuthContext): boolean =>
  key.getPublicSSH().equals(offered.data) &&
  (signature === undefined || (blob !== undefined && key.verify(blob, signature, hashAlgo)));
