import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Faults, startSftpServer, type SftpServer } from '@waybill/testkit/sftp-server';

/** A partner with an SFTP server, whose one user may write into `incoming` and `other`. */
export interface SftpPartner {
  readonly server: SftpServer;
  readonly faults: Faults;
  readonly password: string;
  /** What the user sees as `/`, on this disk. */
  readonly root: string;
  /** The `authentication` of an account of it, host key confirmed. */
  authentication(changes?: object): Record<string, unknown>;
  /** The body of `POST /v1/accounts`. */
  account(name: string, changes?: object): Record<string, unknown>;
  stop(): Promise<void>;
}

const USERNAME = 'acme';

export const startSftpPartner = async (password = 'correct horse'): Promise<SftpPartner> => {
  const root = await mkdtemp(join(tmpdir(), 'waybill-partner-'));
  for (const folder of ['incoming', 'other']) await mkdir(join(root, folder));
  const server = await startSftpServer({ root, users: [{ username: USERNAME, password }], faults: {} });
  const { host, port, fingerprint, faults } = server;
  const authentication = (changes: object = {}) => ({
    ...{ method: 'password', host, port, username: USERNAME, password, hostKey: fingerprint },
    ...changes,
  });
  return {
    server,
    faults,
    password,
    root,
    authentication,
    account: (name, changes = {}) => ({ type: 'sftp', name, authentication: authentication(changes) }),
    stop: async () => {
      await server.stop();
      // A proof that was under way at the end may write there still.
      await rm(root, { recursive: true, force: true, maxRetries: 10 });
    },
  };
};
