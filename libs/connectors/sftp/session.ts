import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Client, ClientChannel } from 'ssh2';
import type { Deadlines } from './deadlines.js';
import { connectionLost, notSftp, SftpFailure, statusFailure, storageFull, timedOut } from './failure.js';
import {
  type Attributes,
  attributesFrom,
  type Field,
  Fields,
  NO_ATTRIBUTES,
  OPEN_FLAG,
  PACKET,
  PacketReader,
  packetOf,
} from './wire.js';

/** What the server said it can do. */
export interface Capabilities {
  readonly fsync: boolean;
  readonly posixRename: boolean;
  /** Whether free space can be asked for. */
  readonly statvfs: boolean;
  /** The largest write and read that it takes. */
  readonly maxWriteBytes: number;
  readonly maxReadBytes: number;
}

/** What every server takes (draft, section 3): 32 KiB of data in a packet. */
const SAFE_BYTES = 32 * 1024;

/** A server that copies or syncs on close, rename or fsync needs time in proportion: it gets a second for each of these. */
const BYTES_PER_EXTRA_SECOND = 10_000_000;

const VERSION = 3;
const STATUS_OK = 0;

/** Called once: with the answer after its type and id, or with why there is none. */
type Settle = (outcome: Fields | SftpFailure) => void;

interface Waiting {
  readonly call: string;
  readonly path: string;
  readonly expected: number;
  readonly settle: Settle;
}

interface Request extends Pick<Waiting, 'call' | 'path'> {
  readonly type: number;
  readonly fields: readonly Field[];
  /** The type of a good answer; STATUS unless given. Any other call may be answered by a status, too. */
  readonly expected?: number;
  /** Sent after the fields. */
  readonly data?: Buffer;
  /** How large the file is, where the server may need time for all of it. */
  readonly bytes?: number;
}

/**
 * SFTP over an SSH channel: requests as promises that always settle. When the server says nothing for
 * `deadlines.request` while requests wait, or the connection breaks, all of them fail, and so does every later one.
 *
 * ssh2 has such a client as well. This one copies a block once less and so halves the garbage of an upload, whose
 * collection cost more than the encryption; and it tells what the server announced.
 */
export class SftpSession {
  /** Known once `start` is over. */
  capabilities: Capabilities = {
    fsync: false,
    posixRename: false,
    statvfs: false,
    maxWriteBytes: SAFE_BYTES,
    maxReadBytes: SAFE_BYTES,
  };
  readonly #packets = new PacketReader();
  readonly #waiting = new Map<number, Waiting>();
  #onVersion: Settle | undefined;
  #nextId = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #failure: SftpFailure | undefined;

  constructor(
    private readonly client: Client,
    private readonly socket: Socket,
    private readonly channel: ClientChannel,
    private readonly deadlines: Deadlines,
  ) {
    const lose = (error?: NodeJS.ErrnoException) => this.#lose(connectionLost(error));
    client.on('error', lose);
    client.once('close', () => lose());
    channel.on('error', lose);
    channel.once('close', () => lose());
    channel.stderr.resume();
    channel.on('data', (chunk: Buffer) => this.#receive(chunk));
  }

  /** Agrees on the version, and learns what the server can do. */
  async start(): Promise<void> {
    const announced = await new Promise<Fields>((resolve, reject) => {
      this.#onVersion = settling(resolve, reject);
      if (this.#failure) reject(this.#failure);
      this.channel.write(packetOf(PACKET.INIT, [VERSION]));
    });
    announced.uint32();
    const extensions = new Map<string, string>();
    while (!announced.atEnd) extensions.set(announced.text(), announced.text());
    this.capabilities = {
      ...this.capabilities,
      fsync: extensions.get('fsync@openssh.com') === '1',
      posixRename: extensions.get('posix-rename@openssh.com') === '1',
      statvfs: extensions.get('statvfs@openssh.com') === '2',
    };
    if (extensions.get('limits@openssh.com') !== '1') return;
    const limits = await this.#extended('limits@openssh.com', '', [], PACKET.EXTENDED_REPLY);
    limits.uint64(); // of a whole packet
    const [maxReadBytes, maxWriteBytes] = [limits.uint64(), limits.uint64()];
    this.capabilities = {
      ...this.capabilities,
      ...(maxReadBytes > 0 ? { maxReadBytes } : {}),
      ...(maxWriteBytes > 0 ? { maxWriteBytes } : {}),
    };
  }

  /** False when nothing more can be asked of it; open a new one. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** What stands at a path, symbolic links followed; undefined when nothing. '' is the login folder. */
  async stat(path: string): Promise<Attributes | undefined> {
    const asked = this.#ask({
      call: 'SSH_FXP_STAT',
      path,
      type: PACKET.STAT,
      fields: [path || '.'],
      expected: PACKET.ATTRS,
    });
    const reply = await unlessMissing(asked);
    return reply && attributesFrom(reply);
  }

  /** Creates a file that must not be there yet, for writing only: some servers refuse to open for both. */
  create(path: string): Promise<Buffer> {
    return this.#open(path, OPEN_FLAG.WRITE | OPEN_FLAG.CREATE | OPEN_FLAG.EXCLUSIVE);
  }

  openToRead(path: string): Promise<Buffer> {
    return this.#open(path, OPEN_FLAG.READ);
  }

  /**
   * Sends at most `maxWriteBytes`. `onTaken` says when the block may be overwritten, `onReply` what the server answered:
   * callbacks, so that a window of writes costs no promises.
   */
  write(
    file: { readonly handle: Buffer; readonly path: string },
    block: Buffer,
    offset: number,
    onTaken: () => void,
    onReply: Settle,
  ): void {
    const { handle, path } = file;
    const request = { call: 'SSH_FXP_WRITE', path, type: PACKET.WRITE, fields: [handle, BigInt(offset), block.length] };
    this.#send({ ...request, data: block }, onReply, onTaken);
  }

  async fsync(handle: Buffer, path: string, bytes: number): Promise<void> {
    await this.#extended('fsync@openssh.com', path, [handle], PACKET.STATUS, bytes);
  }

  async close(handle: Buffer, path: string, bytes = 0): Promise<void> {
    await this.#ask({ call: 'SSH_FXP_CLOSE', path, type: PACKET.CLOSE, fields: [handle], bytes });
  }

  /** On most servers refuses a name that is taken; version 3 of the protocol says it must. */
  async rename(from: string, to: string, bytes: number): Promise<void> {
    await this.#ask({ call: 'SSH_FXP_RENAME', path: to, type: PACKET.RENAME, fields: [from, to], bytes });
  }

  /** Replaces what is there. */
  async posixRename(from: string, to: string, bytes: number): Promise<void> {
    await this.#extended('posix-rename@openssh.com', to, [from, to], PACKET.STATUS, bytes);
  }

  /** Answers whether there was something to remove. */
  async remove(path: string): Promise<boolean> {
    const asked = this.#ask({ call: 'SSH_FXP_REMOVE', path, type: PACKET.REMOVE, fields: [path] });
    return (await unlessMissing(asked)) !== undefined;
  }

  async makeFolder(path: string): Promise<void> {
    await this.#ask({ call: 'SSH_FXP_MKDIR', path, type: PACKET.MKDIR, fields: [path, NO_ATTRIBUTES] });
  }

  async removeFolder(path: string): Promise<boolean> {
    const asked = this.#ask({ call: 'SSH_FXP_RMDIR', path, type: PACKET.RMDIR, fields: [path] });
    return (await unlessMissing(asked)) !== undefined;
  }

  /** The names in a folder, `.` and `..` among them; '' is the login folder. */
  async list(folder: string): Promise<readonly string[]> {
    const opened = await this.#ask({
      call: 'SSH_FXP_OPENDIR',
      path: folder,
      type: PACKET.OPENDIR,
      fields: [folder || '.'],
      expected: PACKET.HANDLE,
    });
    const handle = opened.string();
    const names: string[] = [];
    const call = { call: 'SSH_FXP_READDIR', path: folder, type: PACKET.READDIR, fields: [handle] };
    for (;;) {
      const reply = await unlessAtEnd(this.#ask({ ...call, expected: PACKET.NAME }));
      if (!reply) break;
      for (let left = reply.uint32(); left > 0; left -= 1) {
        names.push(reply.text());
        reply.text(); // the same as `ls -l` would show it
        attributesFrom(reply);
      }
    }
    await this.close(handle, folder);
    return names;
  }

  /** A server may answer with fewer bytes than asked for; with none at the end of the file. */
  async read(handle: Buffer, bytes: number, offset: number, path: string): Promise<Buffer> {
    const fields = [handle, BigInt(offset), bytes];
    const asked = this.#ask({ call: 'SSH_FXP_READ', path, type: PACKET.READ, fields, expected: PACKET.DATA });
    return (await unlessAtEnd(asked))?.string() ?? Buffer.alloc(0);
  }

  /**
   * OpenSSH says no more than "Failure" when a disk is full; where it can be asked, free space tells. Answers the
   * failure to report.
   */
  async explain(failure: SftpFailure, folder: string): Promise<SftpFailure> {
    if (failure.provider !== 'SSH_FX_FAILURE' || !this.capabilities.statvfs || !this.alive) return failure;
    try {
      const disk = await this.#extended('statvfs@openssh.com', folder, [folder || '.'], PACKET.EXTENDED_REPLY);
      for (const _ of ['block size', 'fragment size', 'blocks', 'free blocks']) disk.uint64();
      const availableToUs = disk.uint64();
      return availableToUs === 0 ? storageFull('SSH_FXP_WRITE', folder, failure.provider) : failure;
    } catch (error) {
      if (error instanceof SftpFailure) return failure;
      throw error;
    }
  }

  /** Says goodbye; a server that does not answer is left after a second. */
  async end(): Promise<void> {
    if (this.socket.destroyed) return;
    const impatient = setTimeout(() => this.socket.destroy(), 1_000);
    this.client.end();
    await once(this.socket, 'close');
    clearTimeout(impatient);
  }

  async #open(path: string, flags: number): Promise<Buffer> {
    const fields = [path, flags, NO_ATTRIBUTES];
    const reply = await this.#ask({ call: 'SSH_FXP_OPEN', path, type: PACKET.OPEN, fields, expected: PACKET.HANDLE });
    return reply.string();
  }

  #extended(name: string, path: string, fields: readonly Field[], expected: number, bytes = 0): Promise<Fields> {
    return this.#ask({ call: name, path, type: PACKET.EXTENDED, fields: [name, ...fields], expected, bytes });
  }

  /** The answer, after its type and id. */
  #ask(request: Request): Promise<Fields> {
    return new Promise((resolve, reject) => this.#send(request, settling(resolve, reject)));
  }

  #send({ type, fields, data, bytes = 0, ...about }: Request, settle: Settle, onTaken?: () => void): void {
    if (this.#failure) return settle(this.#failure);
    const id = this.#nextId;
    this.#nextId = (id + 1) % 2 ** 32;
    this.#waiting.set(id, { expected: PACKET.STATUS, ...about, settle });
    if (this.#watchdog === undefined || bytes > 0) this.#watch(about, bytes);
    this.channel.write(packetOf(type, [id, ...fields], data?.length));
    if (data) this.channel.write(data, onTaken);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const packet of this.#packets.push(chunk)) this.#answer(new Fields(packet));
    } catch (error) {
      if (!(error instanceof SftpFailure)) throw error;
      this.#lose(error);
      this.socket.destroy();
    }
  }

  #answer(fields: Fields): void {
    const type = fields.byte();
    if (type === PACKET.VERSION) return this.#onVersion?.(fields);
    const id = fields.uint32();
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (this.#waiting.size > 0) this.#watchdog?.refresh();
    else this.#rest();
    const { call, path, expected, settle } = waiting;
    if (type === PACKET.STATUS) {
      const status = fields.uint32();
      if (status === STATUS_OK && expected === PACKET.STATUS) return settle(fields);
      return settle(statusFailure(call, path, status, fields.text()));
    }
    if (type !== expected) throw notSftp(`an answer of type ${type} to ${call}`);
    settle(fields);
  }

  #watch({ call, path }: Pick<Request, 'call' | 'path'>, bytes: number): void {
    clearTimeout(this.#watchdog);
    const patience = this.deadlines.request + (bytes / BYTES_PER_EXTRA_SECOND) * 1_000;
    this.#watchdog = setTimeout(() => {
      this.#lose(timedOut(path ? `${call} on "${path}"` : call, patience));
      this.socket.destroy();
    }, patience);
  }

  #rest(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = undefined;
  }

  #lose(failure: SftpFailure): void {
    if (this.#failure) return;
    this.#failure = failure;
    this.#rest();
    this.#onVersion?.(failure);
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { settle } of waiting) settle(failure);
  }
}

const settling =
  (resolve: (reply: Fields) => void, reject: (failure: SftpFailure) => void): Settle =>
  (outcome) =>
    outcome instanceof SftpFailure ? reject(outcome) : resolve(outcome);

const refusedAs = async (asked: Promise<Fields>, expected: (failure: SftpFailure) => boolean) => {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof SftpFailure && expected(error)) return undefined;
    throw error;
  }
};

const unlessMissing = (asked: Promise<Fields>) => refusedAs(asked, ({ code }) => code === 'not-found');
const unlessAtEnd = (asked: Promise<Fields>) => refusedAs(asked, ({ provider }) => provider === 'SSH_FX_EOF');
