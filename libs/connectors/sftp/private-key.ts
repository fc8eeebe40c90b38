import { createPrivateKey, type KeyObject } from 'node:crypto';
import ssh2, { type ParsedKey } from 'ssh2';
import { hostKeyOf } from './host-key.js';

/** Why a key cannot be used, and which field of the form is to be mended. Never holds key material. */
export class PrivateKeyError extends Error {
  constructor(
    readonly field: 'privateKey' | 'passphrase',
    message: string,
  ) {
    super(message);
  }
}

const FORMATS = 'a private key in PEM or OpenSSH format (-----BEGIN …-----), or the Base64 of one';

/** PEM text with plain line ends, out of PEM text or the Base64 of it. */
const asPem = (text: string): string => {
  const trimmed = text.trim();
  const packed = trimmed.replace(/\s/g, '');
  const pem = /^[A-Za-z0-9+/]+=*$/.test(packed) ? Buffer.from(packed, 'base64').toString('utf8').trim() : trimmed;
  if (/^(?:ssh-|ecdsa-)\S+ AAAA|BEGIN (?:SSH2 |RSA )?PUBLIC KEY/.test(pem))
    throw new PrivateKeyError('privateKey', 'is a public key; give the private one of the pair');
  if (pem.startsWith('PuTTY-User-Key-File'))
    throw new PrivateKeyError('privateKey', 'is a PuTTY key; export it as an OpenSSH key (PuTTYgen, Conversions)');
  if (!pem.startsWith('-----BEGIN ')) throw new PrivateKeyError('privateKey', `must be ${FORMATS}`);
  return `${pem.replace(/\r\n?/g, '\n')}\n`;
};

const sshString = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

/** An Ed25519 key in OpenSSH's own container (PROTOCOL.key), the only one in which ssh2 reads this type. */
const ed25519AsOpenSsh = (key: KeyObject): string => {
  const { d, x } = key.export({ format: 'jwk' });
  const secret = Buffer.from(d ?? '', 'base64url');
  const open = Buffer.from(x ?? '', 'base64url');
  const type = sshString('ssh-ed25519');
  const check = Buffer.alloc(8);
  const body = Buffer.concat([check, type, sshString(open), sshString(Buffer.concat([secret, open])), sshString('')]);
  const padding = Buffer.from(Array.from({ length: (8 - (body.length % 8)) % 8 }, (_, index) => index + 1));
  const container = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    ...['none', 'none', ''].map(sshString),
    Buffer.from([0, 0, 0, 1]),
    sshString(Buffer.concat([type, sshString(open)])),
    sshString(Buffer.concat([body, padding])),
  ]);
  const lines = container.toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`;
};

/** PEM of any kind (PKCS#1, SEC 1, PKCS#8, encrypted or not) as something ssh2 reads. */
const decryptedPem = (pem: string, passphrase: string | undefined): string => {
  const key = openPem(pem, passphrase);
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ format: 'pem', type: 'pkcs1' }) as string;
    case 'ec':
      return key.export({ format: 'pem', type: 'sec1' }) as string;
    case 'ed25519':
      return ed25519AsOpenSsh(key);
    default:
      throw new PrivateKeyError('privateKey', `is a key of type ${key.asymmetricKeyType}; use Ed25519, ECDSA or RSA`);
  }
};

const LAST_LINE = /^-----END [^-]+-----$/m;

const openPem = (pem: string, passphrase: string | undefined): KeyObject => {
  const encrypted = pem.includes('BEGIN ENCRYPTED PRIVATE KEY') || pem.includes('Proc-Type: 4,ENCRYPTED');
  if (encrypted && passphrase === undefined) throw missingPassphrase();
  try {
    return createPrivateKey({ key: pem, format: 'pem', ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    if (encrypted && /decrypt|cipherfinal|bad password/i.test(String(error))) throw wrongPassphrase();
    const damaged = 'is damaged or cut off; copy the whole file, with its first and last line';
    // One wrong passphrase in 256 leaves something that ends like what was encrypted; it looks like a damaged key.
    if (encrypted && LAST_LINE.test(pem)) throw wrongPassphrase(`, or that key ${damaged}`);
    throw new PrivateKeyError('privateKey', damaged);
  }
};

const missingPassphrase = () => new PrivateKeyError('privateKey', 'is encrypted; give its passphrase, too');
const wrongPassphrase = (unless = '') => new PrivateKeyError('passphrase', `does not open the private key${unless}`);

/** Reads RSA, ECDSA and Ed25519 keys: PEM or OpenSSH, encrypted or not, or the Base64 of either. Throws PrivateKeyError. */
export const parsePrivateKey = (text: string, passphrase?: string): ParsedKey => {
  const pem = asPem(text);
  const openSsh = pem.startsWith('-----BEGIN OPENSSH PRIVATE KEY-----');
  const key = ssh2.utils.parseKey(openSsh ? pem : decryptedPem(pem, passphrase), openSsh ? passphrase : undefined);
  if (key instanceof Error) {
    if (/no passphrase given/.test(key.message)) throw missingPassphrase();
    if (/integrity check|bad decrypt|authenticate data/i.test(key.message)) throw wrongPassphrase();
    throw new PrivateKeyError('privateKey', `cannot be read (${key.message}); it must be ${FORMATS}`);
  }
  if (!key.isPrivateKey()) throw new PrivateKeyError('privateKey', 'is a public key; give the private one of the pair');
  if (key.type === 'ssh-dss') throw new PrivateKeyError('privateKey', 'is a DSA key; use Ed25519, ECDSA or RSA');
  return key;
};

/** How people name a key: its type and the fingerprint of its public half. */
export const describeKey = (key: ParsedKey): string => `${key.type} ${hostKeyOf(key.getPublicSSH()).fingerprint}`;
