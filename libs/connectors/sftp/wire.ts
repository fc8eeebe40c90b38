import { notSftp } from './failure.js';

/** Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02): what they are called, and how they are written and read. */
export const PACKET = {
  INIT: 1,
  VERSION: 2,
  OPEN: 3,
  CLOSE: 4,
  READ: 5,
  WRITE: 6,
  OPENDIR: 11,
  READDIR: 12,
  REMOVE: 13,
  MKDIR: 14,
  RMDIR: 15,
  STAT: 17,
  RENAME: 18,
  STATUS: 101,
  HANDLE: 102,
  DATA: 103,
  NAME: 104,
  ATTRS: 105,
  EXTENDED: 200,
  EXTENDED_REPLY: 201,
} as const;

export const OPEN_FLAG = { READ: 0x01, WRITE: 0x02, CREATE: 0x08, EXCLUSIVE: 0x20 } as const;

/** No attributes given: the server's own apply. */
export const NO_ATTRIBUTES = 0;

/** A number is a uint32, a bigint a uint64, text and bytes carry their length. */
export type Field = number | bigint | string | Buffer;

const bytesOf = (field: Field): Buffer => {
  if (typeof field === 'number') {
    const bytes = Buffer.allocUnsafe(4);
    bytes.writeUInt32BE(field);
    return bytes;
  }
  if (typeof field === 'bigint') {
    const bytes = Buffer.allocUnsafe(8);
    bytes.writeBigUInt64BE(field);
    return bytes;
  }
  const text = Buffer.from(field);
  return Buffer.concat([bytesOf(text.length), text]);
};

/** A packet with its length; `following` bytes are sent right after it and count as its last field's. */
export const packetOf = (type: number, fields: readonly Field[], following = 0): Buffer => {
  const body = Buffer.concat([Buffer.from([type]), ...fields.map(bytesOf)]);
  return Buffer.concat([bytesOf(body.length + following), body]);
};

/** Reads a packet's fields one after the other; throws `notSftp` where it is too short. */
export class Fields {
  #at = 0;

  constructor(private readonly bytes: Buffer) {}

  get atEnd(): boolean {
    return this.#at >= this.bytes.length;
  }

  byte(): number {
    return this.bytes.readUInt8(this.#take(1));
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  /** Sizes above 2^53 lose their last digits. */
  uint64(): number {
    return Number(this.bytes.readBigUInt64BE(this.#take(8)));
  }

  string(): Buffer {
    const length = this.uint32();
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(): string {
    return this.atEnd ? '' : this.string().toString('utf8'); // some servers leave a status without its text
  }

  #take(length: number): number {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.bytes.length) throw notSftp('a packet is too short');
    return start;
  }
}

export interface Attributes {
  readonly size: number;
  readonly isFolder: boolean;
}

const HAS = { SIZE: 0x01, OWNER: 0x02, PERMISSIONS: 0x04, TIMES: 0x08, EXTENDED: 0x80000000 } as const;
const [FILE_TYPE, FOLDER] = [0o170000, 0o040000];

/** The attributes at this place of a packet, read to their end. */
export const attributesFrom = (fields: Fields): Attributes => {
  const flags = fields.uint32();
  const has = (flag: number) => (flags & flag) !== 0;
  const size = has(HAS.SIZE) ? fields.uint64() : 0;
  if (has(HAS.OWNER)) fields.uint64();
  const permissions = has(HAS.PERMISSIONS) ? fields.uint32() : 0;
  if (has(HAS.TIMES)) fields.uint64();
  if (has(HAS.EXTENDED)) for (let left = fields.uint32() * 2; left > 0; left -= 1) fields.string();
  return { size, isFolder: (permissions & FILE_TYPE) === FOLDER };
};

/** More than any answer to what we ask; a longer one is no SFTP. */
const LONGEST_PACKET = 1024 * 1024;

/** Cuts a stream of bytes into packets. */
export class PacketReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Answers the packets that this chunk completes, without their lengths. */
  *push(chunk: Buffer): Generator<Buffer> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    for (;;) {
      if (this.#bytes < 4) return;
      const length = this.#joined(4).readUInt32BE();
      if (length === 0 || length > LONGEST_PACKET) throw notSftp(`a packet of ${length} bytes`);
      if (this.#bytes < 4 + length) return;
      const all = this.#joined(4 + length);
      this.#chunks = [all.subarray(4 + length)];
      this.#bytes -= 4 + length;
      yield all.subarray(4, 4 + length);
    }
  }

  /** The chunks as one, if the first is not long enough by itself. */
  #joined(bytes: number): Buffer {
    const [first = Buffer.alloc(0)] = this.#chunks;
    if (first.length >= bytes) return first;
    const all = Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}
