// Makes what docker-compose.yml needs and no repository may hold: passwords, the master key, the key that tokens are checked
// with, and a token of an administrator; and the description of the API as the services there have it. Run again, as after an
// upgrade, it keeps the secrets that are there and makes a new token.
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const secrets = join(root, 'deploy/secrets');
const DAYS = 30;
/** Compose hands files to containers as they are here, and what runs there is another user. */
const FOR_CONTAINERS = 0o644;

const keep = (file, mode, make) => {
  if (!existsSync(file)) writeFileSync(file, make(), { mode });
  chmodSync(file, mode); // whatever the umask takes away
  return readFileSync(file, 'utf8');
};
const password = () => randomBytes(24).toString('base64url');

// On this machine the folder is closed instead.
mkdirSync(secrets, { recursive: true, mode: 0o700 });
keep(join(root, '.env'), 0o600, () =>
  ['POSTGRES_PASSWORD', 'SFTP_PASSWORD', 'S3_SECRET_KEY'].map((name) => `${name}=${password()}\n`).join(''),
);
keep(join(secrets, 'master.key'), FOR_CONTAINERS, () => `${randomBytes(32).toString('base64')}\n`);
const pem = keep(join(secrets, 'issuer.pem'), 0o600, () =>
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }),
);
const issuer = createPrivateKey(pem);
const publicKey = { ...createPublicKey(issuer).export({ format: 'jwk' }), kid: 'compose', alg: 'EdDSA', use: 'sig' };
keep(join(secrets, 'jwks.json'), FOR_CONTAINERS, () => JSON.stringify({ keys: [publicKey] }));

// docs/openapi.json is of services that ask for no token, and lists what nginx does not pass on.
const api = JSON.parse(readFileSync(join(root, 'docs/openapi.json'), 'utf8'));
delete api.paths['/health/ready'];
api.security = [{ bearer: [] }];
api.components.securitySchemes = { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } };
writeFileSync(join(root, 'deploy/openapi.json'), JSON.stringify(api));
for (const file of ['openapi.json', 'nginx.conf']) chmodSync(join(root, 'deploy', file), FOR_CONTAINERS);

const encode = (part) => Buffer.from(JSON.stringify(part)).toString('base64url');
const exp = Math.floor(Date.now() / 1000) + DAYS * 86_400;
const claims = { iss: 'waybill-compose', aud: 'waybill', sub: 'admin', tenant: 'default', roles: ['admin'], exp };
const text = `${encode({ alg: 'EdDSA', kid: 'compose' })}.${encode(claims)}`;
console.log(`.env and deploy/secrets are there. A token of an administrator, for ${DAYS} days:\n`);
console.log(`${text}.${sign(null, Buffer.from(text), issuer).toString('base64url')}`);
