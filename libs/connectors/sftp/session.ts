import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Client, FileEntry, SFTPWrapper, Stats } from 'ssh2';
import type { Deadlines } from './deadlines.js';
import { connectionLost, SftpFailure, statusFailure, storageFull, timedOut } from './failure.js';

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

type Done<T> = (error?: (Error & { readonly code?: number | string }) | null, value?: T) => void;

/** A server that copies or syncs on close, rename or fsync needs time in proportion: it gets a second for each of these. */
const BYTES_PER_EXTRA_SECOND = 10_000_000;

/**
 * SFTP requests as promises that always settle. When the server says nothing for `deadlines.request` while requests
 * wait, or the connection breaks, all of them fail, and so does every later one.
 */
export class SftpSession {
  readonly capabilities: Capabilities;
  readonly #waiting = new Set<(failure: SftpFailure) => void>();
  #watchdog: NodeJS.Timeout | undefined;
  #failure: SftpFailure | undefined;

  constructor(
    private readonly client: Client,
    private readonly socket: Socket,
    private readonly sftp: SFTPWrapper,
    private readonly deadlines: Deadlines,
  ) {
    this.capabilities = capabilitiesOf(sftp);
    client.on('error', (error: NodeJS.ErrnoException) => this.#lose(connectionLost(error)));
    client.once('close', () => this.#lose(connectionLost()));
    sftp.on('error', (error: NodeJS.ErrnoException) => this.#lose(connectionLost(error)));
    sftp.once('close', () => this.#lose(connectionLost()));
  }

  /** False when nothing more can be asked of it; open a new one. */
  get alive(): boolean {
    return this.#failure === undefined;
  }

  /** What stands at a path, symbolic links followed; undefined when nothing. */
  async stat(path: string): Promise<Stats | undefined> {
    try {
      return await this.#ask<Stats>('SSH_FXP_STAT', path, (done) => this.sftp.stat(path, done));
    } catch (error) {
      if (error instanceof SftpFailure && error.code === 'not-found') return undefined;
      throw error;
    }
  }

  /** Creates a file that must not be there yet, for writing only: some servers refuse to open for both. */
  create(path: string): Promise<Buffer> {
    return this.#ask('SSH_FXP_OPEN', path, (done) => this.sftp.open(path, 'wx', done));
  }

  /** At most `maxWriteBytes`. The bytes are copied before it returns. Calls back once, so that a window costs no promises. */
  write(handle: Buffer, piece: Buffer, offset: number, path: string, done: (failure?: SftpFailure) => void): void {
    this.#send('SSH_FXP_WRITE', path, (reply) => this.sftp.write(handle, piece, 0, piece.length, offset, reply), done);
  }

  fsync(handle: Buffer, path: string, bytes: number): Promise<void> {
    return this.#ask('fsync@openssh.com', path, (done) => this.sftp.ext_openssh_fsync(handle, done), bytes);
  }

  close(handle: Buffer, path: string, bytes = 0): Promise<void> {
    return this.#ask('SSH_FXP_CLOSE', path, (done) => this.sftp.close(handle, done), bytes);
  }

  /** On most servers refuses a name that is taken; version 3 of the protocol says it must. */
  rename(from: string, to: string, bytes: number): Promise<void> {
    return this.#ask('SSH_FXP_RENAME', to, (done) => this.sftp.rename(from, to, done), bytes);
  }

  /** Replaces what is there. */
  posixRename(from: string, to: string, bytes: number): Promise<void> {
    return this.#ask('posix-rename@openssh.com', to, (done) => this.sftp.ext_openssh_rename(from, to, done), bytes);
  }

  /** Answers whether there was something to remove. */
  remove(path: string): Promise<boolean> {
    return this.#unlessMissing(this.#ask('SSH_FXP_REMOVE', path, (done) => this.sftp.unlink(path, done)));
  }

  makeFolder(path: string): Promise<void> {
    return this.#ask('SSH_FXP_MKDIR', path, (done) => this.sftp.mkdir(path, done));
  }

  removeFolder(path: string): Promise<boolean> {
    return this.#unlessMissing(this.#ask('SSH_FXP_RMDIR', path, (done) => this.sftp.rmdir(path, done)));
  }

  /** The names in a folder; '' is the login folder. */
  async list(folder: string): Promise<readonly string[]> {
    const handle = await this.#ask<Buffer>('SSH_FXP_OPENDIR', folder, (done) => this.sftp.opendir(folder || '.', done));
    const names: string[] = [];
    try {
      for (;;) {
        const entries = await this.#ask<FileEntry[]>('SSH_FXP_READDIR', folder, (done) =>
          this.sftp.readdir(handle, done),
        );
        names.push(...entries.map(({ filename }) => filename));
      }
    } catch (error) {
      if (!(error instanceof SftpFailure && error.provider === 'SSH_FX_EOF')) throw error;
    }
    await this.close(handle, folder);
    return names;
  }

  openToRead(path: string): Promise<Buffer> {
    return this.#ask('SSH_FXP_OPEN', path, (done) => this.sftp.open(path, 'r', done));
  }

  /** A server may answer with fewer bytes than asked for; with none at the end of the file. */
  read(handle: Buffer, bytes: number, offset: number, path: string): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(bytes);
    return this.#ask('SSH_FXP_READ', path, (done) =>
      this.sftp.read(handle, buffer, 0, bytes, offset, (error, count) =>
        done(error, buffer.subarray(0, error ? 0 : count)),
      ),
    );
  }

  /**
   * OpenSSH says no more than "Failure" when a disk is full; where it can be asked, free space tells. Answers the
   * failure to report.
   */
  async explain(failure: SftpFailure, folder: string): Promise<SftpFailure> {
    if (failure.provider !== 'SSH_FX_FAILURE' || !this.capabilities.statvfs || !this.alive) return failure;
    const full = await this.#ask<{ readonly f_bavail: number }>('statvfs@openssh.com', folder, (done) =>
      this.sftp.ext_openssh_statvfs(folder || '.', done),
    ).then(
      ({ f_bavail }) => Number(f_bavail) === 0,
      () => false,
    );
    return full ? storageFull('SSH_FXP_WRITE', folder, 'SSH_FX_FAILURE') : failure;
  }

  /** Says goodbye; a server that does not answer is left after a second. */
  async end(): Promise<void> {
    if (this.socket.destroyed) return;
    const impatient = setTimeout(() => this.socket.destroy(), 1_000);
    this.client.end();
    await once(this.socket, 'close');
    clearTimeout(impatient);
  }

  async #unlessMissing(request: Promise<void>): Promise<boolean> {
    try {
      await request;
      return true;
    } catch (error) {
      if (error instanceof SftpFailure && error.code === 'not-found') return false;
      throw error;
    }
  }

  #ask<T>(call: string, path: string, start: (done: Done<T>) => void, bytes = 0): Promise<T> {
    return new Promise<T>((resolve, reject) =>
      this.#send<T>(call, path, start, (failure, value) => (failure ? reject(failure) : resolve(value as T)), bytes),
    );
  }

  #send<T>(
    call: string,
    path: string,
    start: (done: Done<T>) => void,
    settle: (failure?: SftpFailure, value?: T) => void,
    bytes = 0,
  ): void {
    if (this.#failure) return settle(this.#failure);
    this.#waiting.add(settle);
    if (this.#watchdog === undefined || bytes > 0) this.#watch(call, path, bytes);
    start((error, value) => {
      if (!this.#waiting.delete(settle)) return;
      if (this.#waiting.size > 0) this.#watchdog?.refresh();
      else this.#rest();
      if (!error) settle(undefined, value);
      else
        settle(
          typeof error.code === 'number'
            ? statusFailure(call, path, error.code, error.message)
            : connectionLost(error as NodeJS.ErrnoException),
        );
    });
  }

  #watch(call: string, path: string, bytes: number): void {
    clearTimeout(this.#watchdog);
    const patience = this.deadlines.request + (bytes / BYTES_PER_EXTRA_SECOND) * 1_000;
    this.#watchdog = setTimeout(() => {
      this.#lose(timedOut(`${call} on "${path}"`, patience));
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
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const settle of waiting) settle(failure);
  }
}

/** ssh2 keeps what the server announced to itself. Its own defaults stand in where the server has no limits@openssh.com. */
const capabilitiesOf = (sftp: SFTPWrapper): Capabilities => {
  const {
    _extensions: extensions,
    _maxWriteLen: maxWriteBytes,
    _maxReadLen: maxReadBytes,
  } = sftp as unknown as {
    readonly _extensions: Readonly<Record<string, string>>;
    readonly _maxWriteLen: number;
    readonly _maxReadLen: number;
  };
  return {
    fsync: extensions['fsync@openssh.com'] === '1',
    posixRename: extensions['posix-rename@openssh.com'] === '1',
    statvfs: extensions['statvfs@openssh.com'] === '2',
    maxWriteBytes,
    maxReadBytes,
  };
};
