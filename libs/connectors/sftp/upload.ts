import { createHash } from 'node:crypto';
import { unlessAborted, untilAborted } from '../abort.js';
import { SftpFailure } from './failure.js';
import type { SftpSession } from './session.js';

/** As many bytes wait for their acknowledgement at most, so that a distant server is kept busy too. */
const BYTES_IN_FLIGHT = 16 * 128 * 1024;
const LARGEST_BLOCK = 128 * 1024;

export interface Uploaded {
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

/**
 * Writes the whole content through a sliding window: each block at its own offset, many in flight, the source asked for
 * more only as replies come in. Rejects with the first failure, or with the signal's reason, and then reads no further.
 */
export const upload = async (
  session: SftpSession,
  file: { readonly handle: Buffer; readonly path: string },
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  onProgress?: (bytes: number) => void,
): Promise<Uploaded> => {
  const blockBytes = Math.min(LARGEST_BLOCK, session.capabilities.maxWriteBytes);
  const window = Math.max(1, Math.floor(BYTES_IN_FLIGHT / blockBytes));
  const hash = createHash('sha256');
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  let sent = 0;
  let acknowledged = 0;
  let inFlight = 0;
  let taken = true;
  let onChange: (() => void) | undefined;

  const write = (block: Buffer) => {
    inFlight += 1;
    taken = false;
    session.write(
      file,
      block,
      sent,
      () => {
        taken = true;
        onChange?.();
      },
      (outcome) => {
        inFlight -= 1;
        if (outcome instanceof SftpFailure) failed.abort(outcome);
        else onProgress?.((acknowledged += block.length));
        onChange?.();
      },
    );
    sent += block.length;
  };
  const untilInFlight = async (most: number) => {
    while ((inFlight > most || !taken) && !stop.aborted) {
      const change = new Promise<void>((resolve) => (onChange = resolve));
      await unlessAborted(stop, change);
    }
    stop.throwIfAborted();
  };

  for await (const block of inBlocks(untilAborted(content, stop), blockBytes)) {
    hash.update(block);
    write(block);
    await untilInFlight(window - 1);
  }
  await untilInFlight(0);
  return { bytes: sent, sha256: hash.digest('hex') };
};

/** Chunks of any size as blocks of one size. A block is valid until the next one is asked for. */
async function* inBlocks(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Buffer> {
  const partial = Buffer.allocUnsafe(size);
  let filled = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    if (filled > 0) {
      at = bytes.copy(partial, filled);
      filled += at;
      if (filled < size) continue;
      yield partial;
    }
    for (; bytes.length - at >= size; at += size) yield bytes.subarray(at, at + size);
    filled = bytes.copy(partial, 0, at);
  }
  if (filled > 0) yield partial.subarray(0, filled);
}
