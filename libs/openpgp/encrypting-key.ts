import type * as openpgp from 'openpgp';
import { ANY_STRENGTH, LEAST_RSA_BITS, POLICY } from './policy.js';
import { unusable } from './unusable.js';

type AnyKey = openpgp.Key | openpgp.Subkey;

/** The (sub)key that files are encrypted for. Rejects with `encryption-key-unusable` and the reason when there is none. */
export const encryptingKeyOf = async (key: openpgp.Key): Promise<AnyKey> => {
  try {
    return await key.getEncryptionKey(undefined, new Date(), undefined, POLICY);
  } catch {
    throw unusable(await whyUnusable(key));
  }
};

const whyUnusable = async (key: openpgp.Key): Promise<string> => {
  const now = new Date();
  if (await key.isRevoked()) return 'The key was revoked by its owner. Ask for the one that took its place.';
  if (key.getCreationTime() > now)
    return `The key is valid from ${key.getCreationTime().toISOString()} only; check the clocks.`;
  const candidate = await key.getEncryptionKey(undefined, null, undefined, ANY_STRENGTH).catch(() => undefined);
  if (candidate === undefined) {
    return key.subkeys.some(({ revocationSignatures }) => revocationSignatures.length > 0)
      ? 'The subkey for encryption was revoked, and there is no other one. Ask for the current key.'
      : 'The key cannot encrypt: it has no valid (sub)key for encryption, only for signing or certifying. ' +
          'Add one with gpg --quick-add-key <fingerprint> rsa4096 encr, and export the key again.';
  }
  const expiry = await firstExpiry(key, candidate);
  if (expiry !== undefined && expiry <= now) {
    return `The key expired on ${expiry.toISOString().slice(0, 10)}. Prolong it with gpg --quick-set-expire, and export it again.`;
  }
  const weak = [candidate, key].map((each) => each.getAlgorithmInfo()).find(isWeak);
  return weak
    ? `The key is RSA with ${weak.bits} bits; at least ${LEAST_RSA_BITS} are needed. Make a new one, better with 4096.`
    : `Keys of the kind ${candidate.getAlgorithmInfo().algorithm} are not safe enough; use RSA with ${LEAST_RSA_BITS} bits or more, or Curve25519.`;
};

const isWeak = ({ algorithm, bits }: openpgp.AlgorithmInfo): boolean =>
  algorithm.startsWith('rsa') && (bits ?? 0) < LEAST_RSA_BITS;

export const firstExpiry = async (...keys: readonly AnyKey[]): Promise<Date | undefined> => {
  const expiries = await Promise.all(keys.map((key) => key.getExpirationTime()));
  return expiries.filter((expiry) => expiry instanceof Date).sort((a, b) => Number(a) - Number(b))[0];
};
