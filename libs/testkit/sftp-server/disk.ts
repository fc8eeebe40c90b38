import { constants, type Stats } from 'node:fs';
import * as fs from 'node:fs/promises';
import { basename, dirname, join, posix } from 'node:path';
import ssh2, { type Attributes, type FileEntry } from 'ssh2';

const { OPEN_MODE } = ssh2.utils.sftp;

/** A folder of this disk as the whole world of a client: no path and no symbolic link leads out of it. */
export class Disk {
  constructor(private readonly root: string) {}

  async open(path: string, flags: number, mode = 0o666): Promise<fs.FileHandle> {
    return fs.open(await this.#locate(path), nodeFlags(flags), mode);
  }

  async stat(path: string): Promise<Attributes> {
    return attributesOf(await fs.stat(await this.#locate(path)));
  }

  async lstat(path: string): Promise<Attributes> {
    return attributesOf(await fs.lstat(await this.#locate(path)));
  }

  async setstat(path: string, { mode, atime, mtime, size }: Partial<Attributes>): Promise<void> {
    const place = await this.#locate(path);
    if (size !== undefined) await fs.truncate(place, size);
    if (mode !== undefined) await fs.chmod(place, mode & 0o7777);
    if (atime !== undefined && mtime !== undefined) await fs.utimes(place, atime, mtime);
  }

  async list(path: string): Promise<FileEntry[]> {
    const place = await this.#locate(path);
    const names = await fs.readdir(place);
    return Promise.all(names.map(async (name) => entryOf(name, await fs.lstat(join(place, name)))));
  }

  /** As OpenSSH does it: a link refuses a name that is taken, so nothing is ever replaced. */
  async rename(from: string, to: string): Promise<void> {
    const [source, target] = [await this.#locate(from), await this.#locate(to)];
    if ((await fs.lstat(source)).isDirectory()) return fs.rename(source, target);
    await fs.link(source, target);
    await fs.unlink(source);
  }

  async posixRename(from: string, to: string): Promise<void> {
    await fs.rename(await this.#locate(from), await this.#locate(to));
  }

  async remove(path: string): Promise<void> {
    await fs.unlink(await this.#locate(path));
  }

  async makeFolder(path: string): Promise<void> {
    await fs.mkdir(await this.#locate(path));
  }

  async removeFolder(path: string): Promise<void> {
    await fs.rmdir(await this.#locate(path));
  }

  /** Where it is on this disk; its folder must be there, and inside the root once symbolic links are followed. */
  async #locate(path: string): Promise<string> {
    const seen = absolutePath(path);
    const top = await fs.realpath(this.root);
    if (seen === '/') return top;
    const folder = await fs.realpath(join(top, dirname(seen)));
    const place = join(folder, basename(seen));
    const end = await fs.realpath(place).catch(() => place);
    if ([folder, end].every((each) => each === top || each.startsWith(`${top}/`))) return place;
    throw Object.assign(new Error('Permission denied'), { code: 'EACCES' });
  }
}

/** The path that the client sees; relative ones start at the root, which is the login folder. */
export const absolutePath = (path: string): string => posix.resolve('/', path);

const nodeFlags = (flags: number): number => {
  const reads = (flags & OPEN_MODE.READ) !== 0;
  const writes = (flags & OPEN_MODE.WRITE) !== 0;
  return (
    (writes ? (reads ? constants.O_RDWR : constants.O_WRONLY) : constants.O_RDONLY) |
    (flags & OPEN_MODE.APPEND ? constants.O_APPEND : 0) |
    (flags & OPEN_MODE.CREAT ? constants.O_CREAT : 0) |
    (flags & OPEN_MODE.TRUNC ? constants.O_TRUNC : 0) |
    (flags & OPEN_MODE.EXCL ? constants.O_EXCL : 0)
  );
};

export const attributesOf = ({ mode, uid, gid, size, atimeMs, mtimeMs }: Stats): Attributes => ({
  mode,
  uid,
  gid,
  size,
  atime: Math.floor(atimeMs / 1000),
  mtime: Math.floor(mtimeMs / 1000),
});

const entryOf = (filename: string, stats: Stats): FileEntry => ({
  filename,
  longname: `${stats.isDirectory() ? 'd' : '-'}rw-r--r-- 1 ${stats.uid} ${stats.gid} ${stats.size} ${stats.mtime.toISOString()} ${filename}`,
  attrs: attributesOf(stats),
});
