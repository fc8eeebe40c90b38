import { createHash } from 'node:crypto';
import ssh2 from 'ssh2';
import type { Credentials } from '../port.js';

export interface HostKey {
  /** As OpenSSH prints it: `SHA256:` and 43 characters of Base64. */
  readonly fingerprint: string;
  /** `ssh-ed25519`, `ssh-rsa`, `ecdsa-sha2-nistp256` …; a bare fingerprint does not tell. */
  readonly algorithm?: string;
}

/** The host key algorithms we ask for, in families of one key each: an RSA key signs in three ways. */
export const HOST_KEY_FAMILIES: readonly (readonly string[])[] = [
  ['ssh-ed25519'],
  ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'],
];

/** A host key in the SSH wire format (RFC 4253, 6.6). */
export const hostKeyOf = (blob: Buffer): Required<HostKey> => ({
  fingerprint: `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`,
  algorithm: blob.toString('latin1', 4, 4 + blob.readUInt32BE(0)),
});

const FINGERPRINT = /^SHA256:([A-Za-z0-9+/]{43})=?$/;
const KEY = /(?:^|\s)((?:ssh-|ecdsa-)[\w@.-]+)\s+([A-Za-z0-9+/]+=*)(?:\s|$)/;

/** Reads a fingerprint or a known_hosts line (with or without its host names); a string says what is wrong. */
export const parseHostKey = (text: string): HostKey | string => {
  const trimmed = text.trim();
  const fingerprint = FINGERPRINT.exec(trimmed);
  if (fingerprint) return { fingerprint: `SHA256:${fingerprint[1]}` };
  if (/^(?:MD5:)?(?:[0-9a-f]{2}:){15}[0-9a-f]{2}$/i.test(trimmed))
    return 'is an MD5 fingerprint, which is too weak; give the SHA256: one (ssh-keygen -l -E sha256)';
  if (trimmed.startsWith('SHA256:')) return 'must be SHA256: and 43 characters of Base64';
  if (/[\r\n]/.test(trimmed)) return 'holds several lines; keep the one of the key to trust';
  if (trimmed.startsWith('@'))
    return 'must be the key of this host; certificate authorities and revoked keys do not help here';
  const [, algorithm, base64] = KEY.exec(trimmed) ?? [];
  if (!algorithm || !base64) return 'must be a SHA256: fingerprint or a line of a known_hosts file';
  const key = ssh2.utils.parseKey(`${algorithm} ${base64}`);
  return key instanceof Error
    ? `is no whole ${algorithm} key; copy the known_hosts line again`
    : hostKeyOf(key.getPublicSSH());
};

/** The key to hold the server to: what the tenant gave, else what the proof of the account found. */
export const pinnedHostKey = ({ authentication, findings }: Credentials): HostKey | undefined => {
  const given = authentication['hostKey'];
  if (typeof given === 'string') {
    const parsed = parseHostKey(given);
    if (typeof parsed === 'string') throw new TypeError(`hostKey ${parsed}`);
    // The proof found which of the server's keys has the given fingerprint.
    if (parsed.fingerprint !== findings['hostKey']) return parsed;
  }
  const { hostKey, hostKeyAlgorithm } = findings;
  if (typeof hostKey !== 'string') return undefined;
  return { fingerprint: hostKey, ...(typeof hostKeyAlgorithm === 'string' ? { algorithm: hostKeyAlgorithm } : {}) };
};
