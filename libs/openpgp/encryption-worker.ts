import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * Encrypts one message on a thread of its own. Node's sources run it as it stands, so that it imports nothing of ours and
 * holds only types that can be erased. Each block that comes in is answered by the bytes it became, in order; null ends
 * the message.
 *
 * Written here and not by the OpenPGP library, since it is the one part whose speed counts, and it is small: literal data
 * inside symmetrically encrypted and integrity protected data, version 1 (RFC 9580, 5.9 and 5.13.1), which every OpenPGP
 * implementation reads, GnuPG 2.2 among them. The tests decrypt it with GnuPG.
 */

export interface EncryptionWorkerData {
  /** In Node's name, in CFB mode. */
  readonly cipher: 'aes-128-cfb' | 'aes-192-cfb' | 'aes-256-cfb';
  readonly sessionKey: Uint8Array;
}

const LITERAL_DATA = 11;
const ENCRYPTED_DATA = 18;
const MODIFICATION_DETECTION_CODE = Uint8Array.of(0xd3, 0x14);
const AES_BLOCK = 16;

/** Binary, without a name and a date. */
const LITERAL_HEADER = Uint8Array.of(0x62, 0, 0, 0, 0, 0);

/** A body of unknown length goes in parts of 2^17 bytes, each after this byte (RFC 9580, 4.2.1.4). */
const PART_BYTES = 2 ** 17;
const PART_HEADER = 224 + 17;

/** A packet whose body comes bit by bit, and is copied. */
class PacketWriter {
  readonly #type: number;
  #begun = false;
  #part = newPart();
  #filled = 1;

  constructor(type: number) {
    this.#type = type;
  }

  /** What of the packet is complete with these bytes of its body. */
  write(body: Uint8Array): Uint8Array[] {
    const complete = this.#begin();
    for (let at = 0; at < body.length;) {
      // A full part goes out when more follows: the last one must have a length of its own.
      if (this.#filled === this.#part.length) {
        complete.push(this.#part);
        this.#part = newPart();
        this.#filled = 1;
      }
      const taken = body.subarray(at, at + this.#part.length - this.#filled);
      this.#part.set(taken, this.#filled);
      this.#filled += taken.length;
      at += taken.length;
    }
    return complete;
  }

  end(): Uint8Array[] {
    const last = this.#part.subarray(1, this.#filled);
    const length = Buffer.alloc(5, 0xff);
    length.writeUInt32BE(last.length, 1);
    return [...this.#begin(), length, last];
  }

  #begin(): Uint8Array[] {
    if (this.#begun) return [];
    this.#begun = true;
    return [Uint8Array.of(0xc0 | this.#type)];
  }
}

const newPart = (): Uint8Array => {
  const part = Buffer.allocUnsafeSlow(1 + PART_BYTES);
  part[0] = PART_HEADER;
  return part;
};

const { cipher: algorithm, sessionKey } = workerData as EncryptionWorkerData;
const cipher = createCipheriv(algorithm, sessionKey, Buffer.alloc(AES_BLOCK));
const hash = createHash('sha1');
const literal = new PacketWriter(LITERAL_DATA);
const encrypted = new PacketWriter(ENCRYPTED_DATA);

/** Memory goes back at once: what waits for the garbage collectors of two threads adds up to hundreds of megabytes. */
const free = ({ buffer }: Uint8Array): void => void (buffer as ArrayBuffer).transfer(0);

const encrypt = (plain: Uint8Array): Uint8Array[] => {
  hash.update(plain);
  const bytes = cipher.update(plain);
  const complete = encrypted.write(bytes);
  free(bytes);
  return complete;
};

const encryptParts = (parts: readonly Uint8Array[]): Uint8Array[] =>
  parts.flatMap((part) => {
    const complete = encrypt(part);
    free(part);
    return complete;
  });

const begin = (): Uint8Array[] => {
  const random = randomBytes(AES_BLOCK);
  return [
    ...encrypted.write(Uint8Array.of(1)), // the version, not encrypted
    ...encrypt(Buffer.concat([random, random.subarray(-2)])),
    ...encryptParts(literal.write(LITERAL_HEADER)),
  ];
};

const end = (): Uint8Array[] => [
  ...encryptParts(literal.end()),
  ...encrypt(MODIFICATION_DETECTION_CODE),
  ...encrypted.write(cipher.update(hash.digest())),
  ...encrypted.end(),
];

let first = true;
parentPort?.on('message', (block: Uint8Array | null) => {
  const ready = first ? begin() : [];
  first = false;
  if (block === null) {
    ready.push(...end());
  } else {
    ready.push(...encryptParts(literal.write(block)));
    free(block);
  }
  parentPort?.postMessage(
    ready,
    ready.map(({ buffer }) => buffer as ArrayBuffer),
  );
});
