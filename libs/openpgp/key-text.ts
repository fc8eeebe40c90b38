import { unusable } from './unusable.js';

const ARMOR = /-----BEGIN PGP ([A-Z ]+)-----[^]*?-----END PGP \1-----/g;
const BASE64 = /^[A-Za-z0-9+/_-]+={0,2}$/;
const HOW = 'Export the key with: gpg --armor --export <key id>';

export type KeyText = { readonly armoredKeys: string } | { readonly binaryKeys: Uint8Array };

/** What was handed over, in the form it has under its Base64. Rejects what cannot be one public key by its outside. */
export const readKeyText = (input: string): KeyText => {
  const text = input.trim();
  if (text === '') throw unusable(`The encryption key is empty. ${HOW}`);
  if (text.includes('-----BEGIN')) return armored(text);
  const base64 = text.replace(/\s+/g, '');
  if (!BASE64.test(base64)) throw unusable(`The encryption key is neither ASCII-armored nor Base64. ${HOW}`);
  const bytes = Buffer.from(base64, 'base64');
  const inside = bytes.toString('latin1');
  return inside.includes('-----BEGIN') ? armored(inside) : { binaryKeys: bytes };
};

const armored = (text: string): KeyText => {
  const blocks = [...text.matchAll(ARMOR)];
  const [block] = blocks;
  if (block === undefined) throw unusable(`The armored key is cut off: its last line is missing. ${HOW}`);
  const [armoredKeys, type] = block;
  if (type === 'PRIVATE KEY BLOCK') throw isPrivate();
  if (type !== 'PUBLIC KEY BLOCK') {
    throw unusable(`This is an OpenPGP ${type?.toLowerCase()}, and no public key. ${HOW}`);
  }
  if (blocks.length > 1) throw severalKeys(blocks.length);
  return { armoredKeys };
};

export const isPrivate = () =>
  unusable(
    'This is a private key, which must not leave its owner: from now on, consider it known to others. ' +
      'Send the public key: gpg --armor --export <key id>',
  );

export const severalKeys = (count: number) =>
  unusable(`There are ${count} keys in it; give the one that files shall be encrypted for.`);
