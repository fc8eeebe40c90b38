import { createHash } from 'node:crypto';
import { WaybillError } from '@waybill/kernel';
import { untilAborted } from '../abort.js';

const MIB = 2 ** 20;

/** S3 takes 10,000 parts and no more. */
export const MAX_PARTS = 10_000;

/**
 * Parts of 8 MiB for the first 20 GiB, since some stores want all parts of one size; then twice as large with every 2,500,
 * for up to 300 GiB.
 */
export const partSizeAt = (number: number): number => 8 * MIB * 2 ** Math.floor((number - 1) / 2_500);

/** As many bytes may be on their way or wait for it; one part always may. */
const BYTES_IN_FLIGHT = 32 * MIB;

const tooLarge = (bytes: number): WaybillError =>
  new WaybillError(
    'partner-rejected',
    'refused',
    `A file on S3 ends after ${MAX_PARTS} parts, here ${bytes} bytes. Lower maxRowsPerFile.`,
  );

export interface Uploaded<Part> {
  readonly parts: readonly Part[];
  readonly bytes: number;
  /** Hex. */
  readonly sha256: string;
}

export interface UploadOptions<Part> {
  readonly send: (number: number, body: Buffer<ArrayBuffer>, signal: AbortSignal) => Promise<Part>;
  readonly signal: AbortSignal;
  readonly onProgress?: ((bytes: number) => void) | undefined;
  readonly partSize?: (number: number) => number;
}

/**
 * Cuts content into parts and sends a few at a time; the source is asked for more only as parts arrive. An empty content
 * is one empty part. Settles when nothing is on its way any more: rejects with the first failure of the source or of a
 * part, or with the signal's reason.
 */
export const uploadParts = async <Part>(
  content: AsyncIterable<Uint8Array>,
  { send, signal, onProgress, partSize = partSizeAt }: UploadOptions<Part>,
): Promise<Uploaded<Part>> => {
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const hash = createHash('sha256');
  const parts: Part[] = [];
  const spare: Buffer<ArrayBuffer>[] = [];
  const underWay = new Set<Promise<void>>();
  let bytesUnderWay = 0;
  let bytes = 0;
  let arrived = 0;
  let number = 1;

  const bufferFor = (size: number): Buffer<ArrayBuffer> => {
    const buffer = spare.pop();
    return buffer?.length === size ? buffer : Buffer.allocUnsafeSlow(size);
  };
  let buffer = bufferFor(partSize(number));
  let filled = 0;

  const sendOne = async (index: number, whole: Buffer<ArrayBuffer>, length: number): Promise<void> => {
    try {
      parts[index] = await send(index + 1, whole.subarray(0, length), stop);
      spare.push(whole);
      onProgress?.((arrived += length));
    } catch (error) {
      failed.abort(error);
    } finally {
      bytesUnderWay -= length;
    }
  };
  const launch = (): void => {
    if (number > MAX_PARTS) throw tooLarge(bytes);
    bytesUnderWay += filled;
    const sending = sendOne(number - 1, buffer, filled).finally(() => underWay.delete(sending));
    underWay.add(sending);
    number += 1;
    filled = 0;
  };

  try {
    for await (const chunk of untilAborted(content, stop)) {
      hash.update(chunk);
      bytes += chunk.length;
      for (let at = 0; at < chunk.length;) {
        const taken = Math.min(chunk.length - at, buffer.length - filled);
        buffer.set(chunk.subarray(at, at + taken), filled);
        filled += taken;
        at += taken;
        if (filled < buffer.length) continue;
        launch();
        const size = partSize(number);
        while (underWay.size > 0 && bytesUnderWay + size > BYTES_IN_FLIGHT) await Promise.race(underWay);
        stop.throwIfAborted();
        buffer = bufferFor(size);
      }
    }
    if (filled > 0 || number === 1) launch();
  } catch (error) {
    failed.abort(error);
  }
  await Promise.all(underWay);
  stop.throwIfAborted();
  return { parts, bytes, sha256: hash.digest('hex') };
};
