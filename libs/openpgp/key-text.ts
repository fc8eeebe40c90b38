import { unusable } from './unusable.js';

const BEGIN = '-----BEGIN PGP ';
const END = '-----END PGP PUBLIC KEY BLOCK-----';
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
  const [, block, ...others] = text.split(BEGIN);
  if (block === undefined) throw unusable(`This is no OpenPGP key. ${HOW}`);
  const type = block.slice(0, Math.max(0, block.indexOf('-----')));
  if (type === 'PRIVATE KEY BLOCK') throw isPrivate();
  if (type !== 'PUBLIC KEY BLOCK') {
    throw unusable(`This is an OpenPGP ${type.toLowerCase().slice(0, 20)}, and no public key. ${HOW}`);
  }
  const last = block.indexOf(END);
  if (last === -1) throw unusable(`The armored key is cut off: its last line is missing. ${HOW}`);
  if (others.length > 0) throw severalKeys(others.length + 1);
  return { armoredKeys: BEGIN + block.slice(0, last) + END };
};

export const isPrivate = () =>
  unusable(
    'This is a private key, which must not leave its owner: from now on, consider it known to others. ' +
      'Send the public key: gpg --armor --export <key id>',
  );

export const severalKeys = (count: number) =>
  unusable(`There are ${count} keys in it; give the one that files shall be encrypted for.`);
