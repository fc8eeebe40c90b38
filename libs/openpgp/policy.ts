import * as openpgp from 'openpgp';

/** Keys this short are refused, primary or encrypting one. */
export const LEAST_RSA_BITS = 2048;

/** What a key must be like to be encrypted for. Old keys say nothing of their use; GnuPG takes them too. */
export const POLICY: openpgp.Config = { ...openpgp.config, minRSABits: LEAST_RSA_BITS, allowMissingKeyFlags: true };

/** To find out why a key does not pass: whatever could encrypt. */
export const ANY_STRENGTH: openpgp.Config = {
  ...POLICY,
  minRSABits: 0,
  rejectPublicKeyAlgorithms: new Set(),
  rejectCurves: new Set(),
};
