import type { Credentials } from '../port.js';

/** An account with a connection string, for specs. */
export const accountOf = (connectionString: string): Credentials => ({
  scope: { tenant: 'acme', sandbox: 'prod' },
  accountId: 'f3b6f8f0-7c0e-4b5e-9d3c-0d8a1f0f2b11',
  method: 'connection-string',
  authentication: { connectionString },
  findings: {},
});

/** An account with a namespace and a key, for specs. */
export const sasAccountOf = (authentication: {
  readonly namespace: string;
  readonly sasKeyName: string;
  readonly sasKey: string;
  readonly eventHubName?: string;
}): Credentials => ({ ...accountOf(''), method: 'sas', authentication });
