import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { S3Error } from './s3-error.js';
import { sha256Hex } from '../sigv4/index.js';

export type ChecksumAlgorithm = 'sha256' | 'crc32';

/** The digest that S3 carries in Base64 in `x-amz-checksum-<algorithm>`. */
export const digest = (algorithm: ChecksumAlgorithm, data: Uint8Array): Buffer => {
  if (algorithm === 'sha256') return createHash('sha256').update(data).digest();
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes;
};

export interface Payload {
  readonly body: Buffer;
  /** Sent by the client and found right. */
  readonly checksum?: { readonly algorithm: ChecksumAlgorithm; readonly value: string };
}

/** Takes the frames of `aws-chunked` apart: `<hex length>;…\r\n<bytes>\r\n … 0\r\n<trailers>\r\n`. */
const unframe = (raw: Buffer): { readonly body: Buffer; readonly trailers: string } => {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = raw.indexOf('\r\n', at);
    const length = Number.parseInt(raw.toString('latin1', at, lineEnd), 16);
    if (lineEnd < 0 || Number.isNaN(length)) throw new S3Error(400, 'IncompleteBody', 'The chunked body is broken.');
    at = lineEnd + 2;
    if (length === 0) return { body: Buffer.concat(chunks), trailers: raw.toString('latin1', at) };
    chunks.push(raw.subarray(at, at + length));
    at += length + 2;
  }
};

const checksumIn = (headers: IncomingHttpHeaders, trailers: string) => {
  for (const algorithm of ['sha256', 'crc32'] as const) {
    const name = `x-amz-checksum-${algorithm}`;
    const value = headers[name] ?? new RegExp(`^${name}:(.+?)\\s*$`, 'm').exec(trailers)?.[1];
    if (typeof value === 'string') return { algorithm, value };
  }
  return undefined;
};

/** The body without its framing, every promise about it kept: its length, its SHA-256 in the signature, its checksum. */
export const readPayload = (headers: IncomingHttpHeaders, raw: Buffer, heedChecksums: boolean): Payload => {
  const hash = String(headers['x-amz-content-sha256'] ?? 'UNSIGNED-PAYLOAD');
  const framed = hash === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
  if (hash.startsWith('STREAMING-') && !framed) {
    throw new S3Error(501, 'NotImplemented', `This server does not read ${hash}.`);
  }
  const { body, trailers } = framed ? unframe(raw) : { body: raw, trailers: '' };
  if (framed && body.length !== Number(headers['x-amz-decoded-content-length'])) {
    throw new S3Error(400, 'IncompleteBody', 'You did not provide the number of bytes the headers promised.');
  }
  if (/^[0-9a-f]{64}$/.test(hash) && sha256Hex(body) !== hash) {
    throw new S3Error(400, 'XAmzContentSHA256Mismatch', "The provided 'x-amz-content-sha256' header does not match.");
  }
  const checksum = heedChecksums ? checksumIn(headers, trailers) : undefined;
  if (checksum && digest(checksum.algorithm, body).toString('base64') !== checksum.value) {
    throw new S3Error(400, 'BadDigest', `The ${checksum.algorithm} you specified did not match what we received.`);
  }
  return { body, ...(checksum ? { checksum } : {}) };
};
