import type { Check, Credentials, Environment, Findings, Proof } from '../port.js';

interface Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An account on a counterpart, for specs. */
export const accountOn = (
  { endpoint, region, accessKeyId, secretAccessKey }: Server,
  { authentication = {}, findings = {} }: { authentication?: Record<string, unknown>; findings?: Findings } = {},
): Credentials => ({
  scope: { tenant: 'acme', sandbox: 'prod' },
  accountId: 'f3b6f8f0-7c0e-4b5e-9d3c-0d8a1f0f2b12',
  method: 'access-key',
  authentication: { endpoint, region, accessKeyId, secretAccessKey, ...authentication },
  findings,
});

export const environment = (more: Partial<Environment> = {}): Environment => ({
  allowPrivateNetworks: true,
  signal: new AbortController().signal,
  ...more,
});

/** Name and code of every check with this outcome. */
export const checksThat = (proof: Proof, outcome: Check['outcome']): readonly string[] =>
  proof.checks.filter((check) => check.outcome === outcome).map(({ name, code }) => `${name} ${code}`);

export const checkNamed = (proof: Proof, name: string): Check => {
  const found = proof.checks.find((check) => check.name === name);
  if (!found) throw new Error(`There is no check ${name} in ${JSON.stringify(proof.checks)}`);
  return found;
};
