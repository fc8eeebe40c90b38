import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { type Availability, available, describeWith, unavailable } from '../availability/index.js';
import { type SftpServer, startSftpServer } from './index.js';
import { ed25519Key } from '../ssh-key/index.js';

const SFTP = '/usr/bin/sftp';
const findClient = (): Availability<string> =>
  existsSync(SFTP) ? available(SFTP) : unavailable('the sftp program of OpenSSH is not installed');

/** The server that stands in where OpenSSH's cannot be had must look the same to OpenSSH's client. */
describeWith("the test kit's SFTP server, to OpenSSH's client", findClient(), (client) => {
  let home: string;
  let root: string;
  let server: SftpServer;
  const key = ed25519Key();

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'waybill-sftp-client-'));
    root = join(home, 'root');
    await mkdir(join(root, 'in'), { recursive: true });
    await writeFile(join(home, 'identity'), key.private, { mode: 0o600 });
    server = await startSftpServer({ root, users: [{ username: 'bob', publicKey: key.public }] });
  });
  afterAll(async () => {
    await server.stop();
    await rm(home, { recursive: true });
  });

  /** What the client prints; rejects with its complaint when a command fails. */
  const sftp = async (...commands: readonly string[]): Promise<string> => {
    const batch = join(home, 'batch');
    await writeFile(batch, `${commands.join('\n')}\n`);
    const settings = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'IdentityAgent=none'];
    const options = ['-b', batch, '-F', 'none', '-i', join(home, 'identity'), '-P', String(server.port)];
    return new Promise((resolve, reject) =>
      execFile(
        client(),
        [...options, ...settings.flatMap((setting) => ['-o', setting]), 'bob@127.0.0.1'],
        (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout)),
      ),
    );
  };

  it('takes, lists, gives back, renames and removes files', async () => {
    const content = Buffer.alloc(3_000_001, 'a row of a segment\n');
    const [sent, back] = [join(home, 'sent'), join(home, 'back')];
    await writeFile(sent, content);
    const printed = await sftp(
      `put -f ${sent} in/first.csv`,
      'mkdir in/vip',
      'rename in/first.csv in/vip/second.csv',
      'chmod 640 in/vip/second.csv',
      'ls -l in/vip',
      `get in/vip/second.csv ${back}`,
      'pwd',
    );
    expect(printed).toMatch(/3000001 .*second\.csv/);
    expect(printed).toContain('Remote working directory: /');
    expect((await readFile(back)).equals(content)).toBe(true);
    expect((await stat(join(root, 'in/vip/second.csv'))).mode & 0o777).toBe(0o640);
    await sftp('rm in/vip/second.csv', 'rmdir in/vip');
    expect(existsSync(join(root, 'in/vip'))).toBe(false);
  });

  it('refuses to rename onto a name that is taken, and lets posix-rename replace it', async () => {
    await writeFile(join(root, 'in/a'), 'a');
    await writeFile(join(root, 'in/b'), 'b');
    await expect(sftp('rename -l in/a in/b')).rejects.toThrow(/rename/);
    expect(await readFile(join(root, 'in/b'), 'utf8')).toBe('b');
    await sftp('rename in/a in/b');
    expect(await readFile(join(root, 'in/b'), 'utf8')).toBe('a');
  });

  it('lets nobody out of its folder, by a path or by a link', async () => {
    await writeFile(join(home, 'secret'), 'secret');
    await symlink(join(home, 'secret'), join(root, 'in/link'));
    await symlink(home, join(root, 'in/up'));
    for (const path of ['../secret', '/../secret', 'in/link', 'in/up/secret'])
      await expect(sftp(`get ${path} ${join(home, 'stolen')}`)).rejects.toThrow(/not found|denied|No such/i);
    expect(existsSync(join(home, 'stolen'))).toBe(false);
  });

  it('holds a sign-in and a request until the test lets go', async () => {
    const [signIn, request] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const asked = Promise.withResolvers<void>();
    const before = server.signInAttempts;
    server.faults.signInAfter = signIn.promise;
    server.faults.onRequest = ({ name }) => {
      if (name !== 'MKDIR') return undefined;
      asked.resolve();
      return { until: request.promise };
    };
    const made = sftp('mkdir in/held');
    while (server.signInAttempts === before) await turn();
    signIn.resolve();
    await asked.promise;
    expect(existsSync(join(root, 'in/held'))).toBe(false);
    request.resolve();
    await made;
    expect(existsSync(join(root, 'in/held'))).toBe(true);
    delete server.faults.signInAfter;
    delete server.faults.onRequest;
  });

  it('lets in only the key it knows', async () => {
    const other = ed25519Key();
    await writeFile(join(home, 'identity'), other.private, { mode: 0o600 });
    await expect(sftp('pwd')).rejects.toThrow(/Permission denied/);
    await writeFile(join(home, 'identity'), key.private, { mode: 0o600 });
  });
});
