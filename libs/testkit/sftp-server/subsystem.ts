import type { FileHandle } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import ssh2, { type FileEntry, type SFTPWrapper } from 'ssh2';
import { absolutePath, attributesOf, type Disk } from './disk.js';
import type { Faults, SftpRequest } from './faults.js';

const { STATUS_CODE } = ssh2.utils.sftp;

export const EXTENSIONS = ['posix-rename@openssh.com', 'fsync@openssh.com'] as const;
export type Extension = (typeof EXTENSIONS)[number];

const STATUS_OF: Readonly<Record<string, number>> = {
  ENOENT: STATUS_CODE.NO_SUCH_FILE,
  EACCES: STATUS_CODE.PERMISSION_DENIED,
  EPERM: STATUS_CODE.PERMISSION_DENIED,
  EROFS: STATUS_CODE.PERMISSION_DENIED,
};

/** What a client has open: a file, or a folder with the entries not yet told. */
type Opened = { readonly path: string } & ({ readonly file: FileHandle } | { entries: FileEntry[] | undefined });

/** Answers one client's SFTP requests (draft-ietf-secsh-filexfer-02) from a folder on disk. */
export const serveSftp = (
  sftp: SFTPWrapper,
  disk: Disk,
  faults: Faults,
  extensions: readonly Extension[],
  cut: () => void,
): void => {
  announce(sftp, extensions);
  const opened = new Map<number, Opened>();
  let next = 0;

  const keep = (id: number, thing: Opened) => {
    const key = next++;
    opened.set(key, thing);
    const handle = Buffer.alloc(4);
    handle.writeUInt32BE(key);
    sftp.handle(id, handle);
  };
  const thingOf = (handle: Buffer): Opened => {
    const thing = opened.get(handle.length === 4 ? handle.readUInt32BE() : -1);
    if (!thing) throw new Error('No such handle');
    return thing;
  };
  const fileOf = (handle: Buffer): FileHandle => {
    const thing = thingOf(handle);
    if (!('file' in thing)) throw new Error('Not a file');
    return thing.file;
  };

  /** Every request passes here: faults first, then the work; what the work throws becomes a status. */
  const serve = async (id: number, request: SftpRequest, work: () => Promise<void>): Promise<void> => {
    const reaction = faults.onRequest?.(request);
    if (reaction === 'hang') return;
    if (reaction === 'cut') return cut();
    if (reaction === 'lose-answer') cut();
    else if (reaction && 'status' in reaction) return sftp.status(id, reaction.status, reaction.message);
    else if (reaction && 'until' in reaction) await reaction.until.catch(() => undefined);
    else if (reaction) await sleep(reaction.delayMs);
    try {
      await work();
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      sftp.status(id, STATUS_OF[code] ?? STATUS_CODE.FAILURE, code === 'ENOSPC' ? 'No space left on device' : message);
    }
  };
  const onPath = (name: string, work: (id: number, path: string) => Promise<void>) => (id: number, path: string) =>
    void serve(id, { name, path, bytes: 0 }, () => work(id, path));
  const onHandle = (name: string, id: number, handle: Buffer, work: () => Promise<void>, bytes = 0) =>
    void serve(id, { name, path: opened.get(handle.readUInt32BE())?.path ?? '', bytes }, work);
  const ok = (id: number) => sftp.status(id, STATUS_CODE.OK);
  const thenOk = (work: (path: string) => Promise<void>) => async (id: number, path: string) => {
    await work(path);
    ok(id);
  };

  sftp.on(
    'REALPATH',
    onPath('REALPATH', (id, path) => {
      sftp.name(id, [{ filename: absolutePath(path), longname: absolutePath(path), attrs: {} as FileEntry['attrs'] }]);
      return Promise.resolve();
    }),
  );
  sftp.on(
    'STAT',
    onPath('STAT', async (id, path) => sftp.attrs(id, await disk.stat(path))),
  );
  sftp.on(
    'LSTAT',
    onPath('LSTAT', async (id, path) => sftp.attrs(id, await disk.lstat(path))),
  );
  sftp.on(
    'REMOVE',
    onPath(
      'REMOVE',
      thenOk((path) => disk.remove(path)),
    ),
  );
  sftp.on(
    'MKDIR',
    onPath(
      'MKDIR',
      thenOk((path) => disk.makeFolder(path)),
    ),
  );
  sftp.on(
    'RMDIR',
    onPath(
      'RMDIR',
      thenOk((path) => disk.removeFolder(path)),
    ),
  );
  sftp.on(
    'SETSTAT',
    (id, path, attributes) =>
      void serve(id, { name: 'SETSTAT', path, bytes: 0 }, async () => {
        await disk.setstat(path, attributes);
        ok(id);
      }),
  );
  sftp.on(
    'OPENDIR',
    onPath('OPENDIR', async (id, path) => keep(id, { path, entries: await disk.list(path) })),
  );
  sftp.on(
    'OPEN',
    (id, path, flags, { mode }) =>
      void serve(id, { name: 'OPEN', path, bytes: 0 }, async () =>
        keep(id, { path, file: await disk.open(path, flags, mode) }),
      ),
  );
  sftp.on(
    'RENAME',
    (id, from, to) =>
      void serve(id, { name: 'RENAME', path: from, bytes: 0 }, async () => {
        await (faults.renameReplaces ? disk.posixRename(from, to) : disk.rename(from, to));
        ok(id);
      }),
  );

  sftp.on('READDIR', (id, handle) =>
    onHandle('READDIR', id, handle, () => {
      const thing = thingOf(handle);
      if (!('entries' in thing)) throw new Error('Not a folder');
      const entries = thing.entries?.splice(0, 100) ?? [];
      if (entries.length === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.name(id, entries);
      return Promise.resolve();
    }),
  );
  sftp.on('WRITE', (id, handle, offset, data) =>
    onHandle(
      'WRITE',
      id,
      handle,
      async () => {
        await fileOf(handle).write(data, 0, data.length, offset);
        ok(id);
      },
      data.length,
    ),
  );
  sftp.on('READ', (id, handle, offset, length) =>
    onHandle('READ', id, handle, async () => {
      const buffer = Buffer.allocUnsafe(Math.min(length, 256 * 1024));
      const { bytesRead } = await fileOf(handle).read(buffer, 0, buffer.length, offset);
      if (bytesRead === 0) sftp.status(id, STATUS_CODE.EOF);
      else sftp.data(id, buffer.subarray(0, bytesRead));
    }),
  );
  sftp.on('FSTAT', (id, handle) =>
    onHandle('FSTAT', id, handle, async () => sftp.attrs(id, attributesOf(await fileOf(handle).stat()))),
  );
  sftp.on('FSETSTAT', (id, handle, attributes) =>
    onHandle('FSETSTAT', id, handle, async () => {
      await disk.setstat(thingOf(handle).path, attributes);
      ok(id);
    }),
  );
  sftp.on('CLOSE', (id, handle) =>
    onHandle('CLOSE', id, handle, async () => {
      const thing = thingOf(handle);
      opened.delete(handle.readUInt32BE());
      if ('file' in thing) await thing.file.close();
      ok(id);
    }),
  );
  sftp.on('EXTENDED', (id, name, data) => {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0)] = stringsOf(data);
    const path = name === 'fsync@openssh.com' ? (opened.get(first.readUInt32BE())?.path ?? '') : first.toString();
    void serve(id, { name, path, bytes: 0 }, async () => {
      if (!extensions.includes(name as Extension)) return sftp.status(id, STATUS_CODE.OP_UNSUPPORTED, 'Unsupported');
      if (name === 'fsync@openssh.com') await fileOf(first).sync();
      else await disk.posixRename(first.toString(), second.toString());
      ok(id);
    });
  });

  sftp.on('end', () => sftp.end()); // OpenSSH's client waits for it
  sftp.on('close', () => {
    for (const thing of opened.values()) if ('file' in thing) void thing.file.close();
    opened.clear();
  });
};

/** The strings of an extended request: each a length and its bytes. */
const stringsOf = (data: Buffer): Buffer[] => {
  const strings: Buffer[] = [];
  for (let at = 0; at + 4 <= data.length;) {
    const length = data.readUInt32BE(at);
    strings.push(data.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return strings;
};

const sshString = (text: string): Buffer => {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
};

const SSH_FXP_VERSION = 2;

/** ssh2's server announces no extensions. Its VERSION packet is the first thing it sends on the channel: ours goes out instead. */
const announce = (sftp: SFTPWrapper, extensions: readonly Extension[]): void => {
  interface Protocol {
    channelData(channel: number, payload: Buffer): void;
  }
  const wrapper = sftp as unknown as { _protocol: Protocol };
  const protocol = wrapper._protocol;
  const body = Buffer.concat([
    Buffer.from([SSH_FXP_VERSION, 0, 0, 0, 3]),
    ...extensions.flatMap((name) => [sshString(name), sshString('1')]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  wrapper._protocol = Object.assign(Object.create(protocol) as Protocol, {
    channelData: (channel: number) => {
      wrapper._protocol = protocol;
      protocol.channelData(channel, Buffer.concat([length, body]));
    },
  });
};
