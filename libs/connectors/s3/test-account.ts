import type { Credentials, Findings } from '../port.js';

interface Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** An account on a counterpart, for specs. */
export const accountOn = (
  server: Server,
  { authentication = {}, findings = {} }: { authentication?: Record<string, unknown>; findings?: Findings } = {},
): Credentials => {
  const { endpoint, accessKeyId, secretAccessKey } = server;
  return {
    scope: { tenant: 'acme', sandbox: 'prod' },
    accountId: 'f3b6f8f0-7c0e-4b5e-9d3c-0d8a1f0f2b11',
    method: 'access-key',
    authentication: { endpoint, accessKeyId, secretAccessKey, ...authentication },
    findings,
  };
};

export const roleAt = (roleArn: string, externalId: string): Credentials => ({
  ...accountOn({ endpoint: '', accessKeyId: '', secretAccessKey: '' }),
  method: 'assume-role',
  authentication: { roleArn, externalId },
});
