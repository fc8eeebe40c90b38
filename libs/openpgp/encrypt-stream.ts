import * as openpgp from 'openpgp';
import { startEncryptionThread } from './encryption-thread.js';
import type { EncryptionWorkerData } from './encryption-worker.js';
import { encryptingKeyOf } from './encrypting-key.js';
import { POLICY } from './policy.js';

const BLOCK_BYTES = 2 ** 17;
/** Blocks that are encrypted while the reader is busy with earlier ones. */
const READ_AHEAD = 8;

/** An accepted key; ASCII-armored. */
interface AcceptedKey {
  readonly armored: string;
}

/**
 * The content as one binary OpenPGP message for the key: not compressed, with a modification detection code, readable by
 * GnuPG 2.2 and newer. Rejects with `encryption-key-unusable` when the key has expired meanwhile. Bounded memory, on a
 * thread of its own. A failure of the content is the stream's, and whoever leaves the loop early ends the content and the
 * thread.
 */
export async function* encryptStream(
  content: AsyncIterable<Uint8Array>,
  key: AcceptedKey,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { session, packet } = await openSession(key);
  await using thread = startEncryptionThread(session);
  yield packet;
  const ahead: Promise<readonly Uint8Array[]>[] = [];
  for await (const block of blocksOf(content)) {
    ahead.push(thread.encrypt(block));
    if (ahead.length > READ_AHEAD) yield* (await ahead.shift()) ?? [];
  }
  ahead.push(thread.encrypt(null));
  for (const chunks of ahead) yield* await chunks;
}

const CIPHERS: Readonly<Record<string, EncryptionWorkerData['cipher']>> = {
  aes128: 'aes-128-cfb',
  aes192: 'aes-192-cfb',
  aes256: 'aes-256-cfb',
};

/** A fresh session key of the kind that the recipient prefers, and the packet that tells it to them alone. */
const openSession = async ({ armored }: AcceptedKey) => {
  const encryptionKeys = await openpgp.readKey({ armoredKey: armored });
  await encryptingKeyOf(encryptionKeys); // it may have expired since it was accepted
  const { algorithm, data } = await openpgp.generateSessionKey({ encryptionKeys, config: POLICY });
  const cipher = CIPHERS[algorithm];
  if (cipher === undefined) throw new Error(`no cipher for ${algorithm}`);
  const packet = await openpgp.encryptSessionKey({ algorithm, data, encryptionKeys, format: 'binary', config: POLICY });
  return { session: { cipher, sessionKey: data } satisfies EncryptionWorkerData, packet };
};

/** The same bytes in blocks of one size, each in memory of its own, which can be handed over. */
async function* blocksOf(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let block = newBlock();
  let filled = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) {
      const taken = chunk.subarray(at, at + BLOCK_BYTES - filled);
      block.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < BLOCK_BYTES) continue;
      yield block;
      block = newBlock();
      filled = 0;
    }
  }
  if (filled > 0) yield block.subarray(0, filled);
}

const newBlock = (): Uint8Array<ArrayBuffer> => Buffer.allocUnsafeSlow(BLOCK_BYTES);
