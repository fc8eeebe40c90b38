import type { Check, Credentials, Environment, Proof } from '../port.js';

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

export const environment = (more: Partial<Environment> = {}): Environment => ({
  allowPrivateNetworks: true,
  signal: new AbortController().signal,
  ...more,
});

/** Name and code of every check with this outcome. */
export const checksThat = (proof: Proof, outcome: Check['outcome']): readonly string[] =>
  proof.checks.filter((check) => check.outcome === outcome).map(({ name, code }) => `${name} ${code}`);
