import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startSftpServer } from '@waybill/testkit/sftp-server';
import * as openpgp from 'openpgp';

/** Who receives the files: an SFTP server of their own and an OpenPGP key, whose private half never leaves them. */
export interface Partner {
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly hostKey: string;
  /** ASCII-armored. */
  readonly publicKey: string;
  /** What the SFTP user sees as `/`, on this disk. */
  readonly folder: string;
  list(): Promise<{ name: string; bytes: number }[]>;
  read(path: string): Promise<Buffer>;
  /** Decrypts, and decompresses what is compressed. */
  decrypt(encrypted: Buffer): Promise<Buffer>;
  stop(): Promise<void>;
}

const GZIP_MAGIC = 0x1f8b;

export const startPartner = async (folder: string): Promise<Partner> => {
  await mkdir(join(folder, 'incoming'), { recursive: true });
  const keys = await openpgp.generateKey({
    type: 'rsa',
    rsaBits: 3072,
    userIDs: [{ name: 'Partner', email: 'files@partner.example' }],
    format: 'object',
  });
  const user = { username: 'acme', password: 'a-long-secret' };
  const server = await startSftpServer({ root: folder, users: [user] });
  const at = (path: string) => join(folder, path);
  return {
    ...user,
    port: server.port,
    hostKey: server.fingerprint,
    publicKey: keys.publicKey.armor(),
    folder,
    async list() {
      const names = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
      return Promise.all(
        names.map(async ({ parentPath, name }) => ({ name, bytes: (await stat(join(parentPath, name))).size })),
      );
    },
    read: (path) => readFile(at(path)),
    async decrypt(encrypted) {
      const message = await openpgp.readMessage({ binaryMessage: new Uint8Array(encrypted) });
      const decrypted = await openpgp.decrypt({ message, decryptionKeys: keys.privateKey, format: 'binary' });
      const plain = Buffer.from(decrypted.data as Uint8Array);
      return plain.readUInt16BE(0) === GZIP_MAGIC ? gunzipSync(plain) : plain;
    },
    stop: () => server.stop(),
  };
};
