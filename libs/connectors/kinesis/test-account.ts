import type { Credentials, Findings } from '../port.js';

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
