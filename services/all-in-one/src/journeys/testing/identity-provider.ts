import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';

/** Who signs tokens: one key in a JWKS file, as `WAYBILL_JWKS_FILE` takes it. */
export interface IdentityProvider {
  /** The settings of a Waybill that trusts it. */
  readonly environment: Readonly<Record<string, string>>;
  /** A token for a tenant's person with these roles; anything in it may be changed. */
  token(tenant: string, roles: readonly string[], changes?: JWTPayload): Promise<string>;
  close(): Promise<void>;
}

const [ISSUER, AUDIENCE] = ['https://issuer.example', 'waybill'];

export const startIdentityProvider = async (): Promise<IdentityProvider> => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const folder = await mkdtemp(join(tmpdir(), 'waybill-issuer-'));
  const file = join(folder, 'jwks.json');
  await writeFile(file, JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256' }] }));
  return {
    environment: {
      WAYBILL_AUTH: 'jwt',
      WAYBILL_JWKS_FILE: file,
      WAYBILL_JWT_ISSUER: ISSUER,
      WAYBILL_JWT_AUDIENCE: AUDIENCE,
      WAYBILL_ALLOW_PRIVATE_NETWORKS: 'true',
    },
    token: (tenant, roles, changes = {}) => {
      const inAnHour = Math.floor(Date.now() / 1000) + 3600;
      return new SignJWT({
        ...{ tenant, sandbox: 'prod', roles: [...roles], sub: `someone at ${tenant}` },
        ...{ iss: ISSUER, aud: AUDIENCE, exp: inAnHour },
        ...changes,
      })
        .setProtectedHeader({ alg: 'ES256', kid: 'one' })
        .sign(privateKey);
    },
    close: () => rm(folder, { recursive: true, force: true }),
  };
};
