import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { partnerOn } from '@waybill/testkit/sftp-partner';
import { type Faults, type SftpServerOptions, startSftpServer } from '@waybill/testkit/sftp-server';
import { fileConnectorContract, type FileDestination } from '../contract-suite.js';
import { createSftpConnector } from './index.js';

const open =
  (options: Partial<SftpServerOptions> = {}, faults: Faults = {}) =>
  async (): Promise<FileDestination> => {
    const root = await mkdtemp(join(tmpdir(), 'waybill-sftp-'));
    await mkdir(join(root, 'in'));
    const users = [{ username: 'bob', password: 'right horse' }];
    const server = await startSftpServer({ root, users, faults, ...options });
    const partner = partnerOn(root);
    const credentials = {
      scope: { tenant: 'acme', sandbox: 'prod' },
      accountId: 'account-1',
      method: 'password',
      authentication: { ...users[0], host: server.host, port: server.port, hostKey: server.fingerprint },
      findings: {},
    };
    return {
      connector: createSftpConnector({ request: 5_000 }),
      credentials,
      wrongCredentials: {
        credentials: { ...credentials, authentication: { ...credentials.authentication, password: 'wrong horse' } },
        code: 'bad-secret',
      },
      target: { folder: '/in' },
      missingTarget: { folder: '/nowhere' },
      partner: { ...partner, lose: ({ handle }) => partner.remove(String(handle['temporary'])) },
      close: async () => {
        await server.stop();
        await rm(root, { recursive: true });
      },
    };
  };

describe("SFTP to the test kit's server", () => fileConnectorContract(open()));
describe('SFTP to a server without extensions', () => fileConnectorContract(open({ extensions: [] })));
describe('SFTP to a server whose rename replaces', () =>
  fileConnectorContract(open({}, { renameReplaces: true }), { refusesTakenNames: false }));
