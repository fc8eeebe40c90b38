import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The partner's own eyes and hands on an SFTP server, on the folder of this disk that clients see as `/`. */
export interface SftpPartner {
  /** Undefined when nothing stands there. */
  read(path: string): Promise<Buffer | undefined>;
  write(path: string, content: Buffer): Promise<void>;
  remove(path: string): Promise<void>;
  /** Temporary files anywhere. */
  leftovers(): Promise<readonly string[]>;
}

export const partnerOn = (root: string): SftpPartner => ({
  read: (path) =>
    readFile(join(root, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    }),
  write: async (path, content) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  },
  remove: (path) => rm(join(root, path)),
  leftovers: async () => (await readdir(root, { recursive: true })).filter((path) => path.includes('.waybill-')),
});
