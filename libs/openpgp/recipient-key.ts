import * as openpgp from 'openpgp';
import { encryptStream } from './encrypt-stream.js';
import { encryptingKeyOf, firstExpiry } from './encrypting-key.js';
import { isPrivate, readKeyText, severalKeys } from './key-text.js';
import { unusable } from './unusable.js';

/** A public key that files can be encrypted for. */
export interface RecipientKey {
  /** Of the primary key, in hex capitals, as GnuPG shows it. */
  readonly fingerprint: string;
  /** Of the (sub)key that encrypts: `RSA`, `ECDH`, `X25519`, … */
  readonly algorithm: string;
  /** Length of an RSA modulus; null for curves. */
  readonly bits: number | null;
  readonly userIds: readonly string[];
  /** RFC 3339, UTC: when primary key or encrypting subkey expires, whichever is first; null for never. */
  readonly expiresAt: string | null;
  /** Without what others certified of it, which can be long. */
  readonly armored: string;
}

/**
 * Reads one public key: ASCII-armored, or Base64 of that, or Base64 of the binary form. Encrypts a test message for it.
 * Rejects with `encryption-key-unusable` (refused) and the reason.
 */
export const parseRecipientKey = async (input: string): Promise<RecipientKey> => {
  const key = await readKey(input);
  const encrypting = await encryptingKeyOf(key);
  const { algorithm, bits } = encrypting.getAlgorithmInfo();
  const recipient: RecipientKey = {
    fingerprint: key.getFingerprint().toUpperCase(),
    algorithm: algorithm.startsWith('rsa') ? 'RSA' : algorithm.toUpperCase(),
    bits: bits ?? null,
    userIds: key.getUserIDs(),
    expiresAt: (await firstExpiry(key, encrypting))?.toISOString() ?? null,
    armored: minimal(key).armor(),
  };
  await tryOut(recipient);
  return recipient;
};

const readKey = async (input: string): Promise<openpgp.Key> => {
  const text = readKeyText(input);
  let keys: openpgp.Key[];
  try {
    keys = await ('armoredKeys' in text ? openpgp.readKeys(text) : openpgp.readKeys(text));
  } catch {
    throw unusable(
      'The encryption key cannot be read: it is damaged, or no OpenPGP key. Export it with: gpg --armor --export <key id>',
    );
  }
  const [key] = keys;
  if (key === undefined) throw unusable('There is no key in it. Export one with: gpg --armor --export <key id>');
  if (keys.some((each) => each.isPrivate())) throw isPrivate();
  if (keys.length > 1) throw severalKeys(keys.length);
  return key;
};

const minimal = (key: openpgp.Key): openpgp.Key => {
  key.users = key.users.filter(({ userID }) => userID !== null); // photos are user attributes
  for (const user of key.users) user.otherCertifications = [];
  return key;
};

const tryOut = async (recipient: RecipientKey): Promise<void> => {
  const message = encryptStream(testMessage(), recipient);
  try {
    while (!(await message.next()).done);
  } catch {
    throw unusable('A test message could not be encrypted for the key. Ask for another one.');
  }
};

async function* testMessage(): AsyncGenerator<Uint8Array> {
  yield Buffer.from('Waybill can encrypt for this key.');
}
