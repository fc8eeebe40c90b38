import { createHash } from 'node:crypto';
import type { SftpSession } from './session.js';

const BLOCK = 128 * 1024;
const IN_FLIGHT = 16;

const readFully = async (
  session: SftpSession,
  handle: Buffer,
  path: string,
  bytes: number,
  offset: number,
): Promise<Buffer> => {
  const pieces: Buffer[] = [];
  for (let got = 0; got < bytes;) {
    const piece = await session.read(handle, bytes - got, offset + got, path);
    if (piece.length === 0) break;
    pieces.push(piece);
    got += piece.length;
  }
  return pieces.length === 1 && pieces[0] ? pieces[0] : Buffer.concat(pieces);
};

/** SHA-256 in hex of the first `bytes` of a file, read through a sliding window. */
export const sha256At = async (session: SftpSession, path: string, bytes: number): Promise<string> => {
  const block = Math.min(BLOCK, session.capabilities.maxReadBytes);
  const handle = await session.openToRead(path);
  const hash = createHash('sha256');
  const reads: Promise<Buffer>[] = [];
  for (let at = 0; at < bytes || reads.length > 0; at += block) {
    if (at < bytes) {
      const read = readFully(session, handle, path, Math.min(block, bytes - at), at);
      read.catch(() => undefined); // it is awaited below, unless an earlier one fails
      reads.push(read);
    }
    if (reads.length >= IN_FLIGHT || at + block >= bytes) hash.update((await reads.shift()) ?? '');
  }
  await session.close(handle, path);
  return hash.digest('hex');
};
