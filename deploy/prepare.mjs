// Makes what docker-compose.yml needs and no repository may hold: passwords, the master key, the key that tokens are checked
// with, and a token of an administrator. Run again it keeps what is there and makes a new token.
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const secrets = join(root, 'deploy/secrets');
const DAYS = 30;

const keep = (file, mode, make) => {
  if (!existsSync(file)) writeFileSync(file, make(), { mode });
  return readFileSync(file, 'utf8');
};
const password = () => randomBytes(24).toString('base64url');

mkdirSync(secrets, { recursive: true, mode: 0o700 });
keep(join(root, '.env'), 0o600, () =>
  ['POSTGRES_PASSWORD', 'SFTP_PASSWORD', 'S3_SECRET_KEY'].map((name) => `${name}=${password()}\n`).join(''),
);
// Compose hands files to containers as they are here, and the services run as another user: the folder is closed instead.
keep(join(secrets, 'master.key'), 0o644, () => `${randomBytes(32).toString('base64')}\n`);
const pem = keep(join(secrets, 'issuer.pem'), 0o600, () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
);
const issuer = createPrivateKey(pem);
const publicKey = { ...createPublicKey(issuer).export({ format: 'jwk' }), kid: 'compose', alg: 'EdDSA', use: 'sig' };
keep(join(secrets, 'jwks.json'), 0o644, () => JSON.stringify({ keys: [publicKey] }));

const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
const exp = Math.floor(Date.now() / 1000) + DAYS * 86_400;
const claims = { iss: 'waybill-compose', aud: 'waybill', sub: 'admin', tenant: 'default', roles: ['admin'], exp };
const text = `${encode({ alg: 'EdDSA', kid: 'compose' })}.${encode(claims)}`;
console.log(`.env and deploy/secrets are there. A token of an administrator, for ${DAYS} days:\n`);
console.log(`${text}.${sign(null, Buffer.from(text), issuer).toString('base64url')}`);
