import { existsSync } from 'node:fs';
import { appendFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Availability, available, unavailable } from '../availability/index.js';
import { ensureDebianPackages } from '../install/index.js';
import { freePort, startProcess } from '../local-process/index.js';
import { mayMount, mountDisk } from './disk.js';
import { run } from './run.js';
import { addUser, nextName, removeStaleUsers, removeUser } from './user.js';

const SSHD = '/usr/sbin/sshd';

export interface OpenSshOptions {
  /** Further lines of sshd_config, such as `RekeyLimit 1M`. */
  readonly settings?: readonly string[];
  /** For `internal-sftp`, such as `-P remove` (that request is refused) or `-R` (read-only). */
  readonly sftpArguments?: string;
  /** Which host keys it has; Ed25519 unless said. */
  readonly hostKeys?: readonly HostKeyType[];
  /** Gives the user's folder a disk of its own of this size. */
  readonly diskBytes?: number;
}

export type HostKeyType = 'ed25519' | 'ecdsa' | 'rsa';

/** OpenSSH's own sshd on 127.0.0.1, with one user in a chroot whose login folder is the root. */
export interface OpenSshServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly username: string;
  readonly password: string;
  /** The host keys as lines of a known_hosts file, without the host. */
  readonly hostKeys: Readonly<Partial<Record<HostKeyType, string>>>;
  /** The folder on this disk that the user sees as `/`; belongs to root. */
  readonly root: string;
  /** In the root, the one folder that the user may write to. */
  readonly folder: 'data';
  /** Lets the user sign in with the private half of this (a line of an authorized_keys file). */
  authorize(publicKey: string): Promise<void>;
  stop(): Promise<void>;
}

export interface OpenSsh {
  start(options?: OpenSshOptions): Promise<OpenSshServer>;
}

/** Passwords, chroots and users of its own need a root's sshd. */
export const findOpenSsh = (): Availability<OpenSsh> => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return unavailable('users with passwords in a chroot need a Linux and root');
  return existsSync(SSHD)
    ? available({ start })
    : unavailable('OpenSSH is not installed (Debian: openssh-server); CI=true installs it');
};

/** Also one that can have a small disk: not in a container that may not mount. */
export const findOpenSshWithDisk = (): Availability<OpenSsh> => {
  const found = findOpenSsh();
  if (!found.available || mayMount()) return found;
  return unavailable('a disk of a given size cannot be mounted here');
};

/** Installs Debian's openssh-server where that is allowed. */
export const prepare = (): Availability<OpenSsh> => {
  ensureDebianPackages(SSHD, ['openssh-server']);
  return findOpenSsh();
};

const start = async (options: OpenSshOptions = {}): Promise<OpenSshServer> => {
  await removeStaleUsers();
  const username = nextName();
  // sshd wants every folder above a chroot to belong to root and to be writable by nobody else: /tmp is not.
  const home = join('/srv', username);
  try {
    return await startIn(home, username, options);
  } catch (error) {
    await removeUser(username);
    throw error;
  }
};

const startIn = async (home: string, username: string, options: OpenSshOptions): Promise<OpenSshServer> => {
  const { hostKeys: types = ['ed25519'], diskBytes } = options;
  const password = `pw ${username} "ü"`;
  const [root, keys, authorized] = [join(home, 'root'), join(home, 'keys'), join(home, 'authorized_keys')];
  const folder = join(root, 'data');
  await addUser(username, password);
  await mkdir(folder, { recursive: true });
  await mkdir(keys);
  await mkdir('/run/sshd', { recursive: true });
  await writeFile(authorized, '');
  if (diskBytes) await mountDisk(folder, diskBytes);
  await run('chown', [`${username}:`, folder]);
  for (const type of types) await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', join(keys, type)]);

  const port = await freePort();
  const configuration = join(home, 'sshd_config');
  const keyFiles = types.map((type) => join(keys, type));
  await writeFile(configuration, sshdConfiguration({ port, username, root, authorized, keyFiles, ...options }));
  const sshd = await startProcess(SSHD, ['-D', '-e', '-f', configuration], () => speaksSsh(port));
  const hostKeys = types.map(async (type) => [type, (await readFile(join(keys, `${type}.pub`), 'utf8')).trim()]);
  return {
    host: '127.0.0.1',
    port,
    username,
    password,
    hostKeys: Object.fromEntries(await Promise.all(hostKeys)) as OpenSshServer['hostKeys'],
    root,
    folder: 'data',
    authorize: (publicKey) => appendFile(authorized, `${publicKey.trim()}\n`),
    stop: async () => {
      await sshd.stop();
      await removeUser(username);
    },
  };
};

interface Configuration extends OpenSshOptions {
  readonly port: number;
  readonly username: string;
  readonly root: string;
  readonly authorized: string;
  readonly keyFiles: readonly string[];
}

const sshdConfiguration = ({ port, username, root, authorized, keyFiles, ...options }: Configuration): string =>
  [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    ...keyFiles.map((file) => `HostKey ${file}`),
    'PidFile none',
    'StrictModes no',
    'PermitRootLogin no',
    `AuthorizedKeysFile ${authorized}`,
    'MaxStartups 100',
    'Subsystem sftp internal-sftp',
    ...(options.settings ?? []),
    // The first value of a setting counts: those above overrule these.
    'UsePAM no',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication no',
    `Match User ${username}`,
    `  ChrootDirectory ${root}`,
    `  ForceCommand internal-sftp ${options.sftpArguments ?? ''}`,
    '  AllowTcpForwarding no',
    '',
  ].join('\n');

const speaksSsh = (port: number): Promise<boolean> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (greeting) => {
      socket.destroy();
      resolve(greeting.toString().startsWith('SSH-2.0'));
    });
    // Who takes connections and says nothing is another, on a port that was taken meanwhile.
    socket.setTimeout(5_000, () => socket.destroy(new Error('no greeting came')));
    socket.once('error', reject);
    socket.once('close', () => resolve(false));
  });
