import type { Connector } from '../port.js';
import { DEADLINES, type Deadlines } from './deadlines.js';
import { proveSftpCredentials } from './prove-credentials.js';
import { proveSftpTarget } from './prove-target.js';
import { openSftpFileSink } from './sink.js';
import { spec } from './spec.js';

/** Files to a folder on an SSH file transfer server. Shorter deadlines are for tests. */
export const createSftpConnector = (deadlines: Partial<Deadlines> = {}): Connector => {
  const effective = { ...DEADLINES, ...deadlines };
  return {
    spec,
    proveCredentials: (credentials, environment) => proveSftpCredentials(credentials, environment, effective),
    proveTarget: (credentials, target, environment) => proveSftpTarget(credentials, target, environment, effective),
    openFileSink: (credentials, target, environment) => openSftpFileSink(credentials, target, environment, effective),
  };
};

export const sftp = createSftpConnector();
