import { createHash, webcrypto } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** `none`: the server takes no part checksums; the hash in each request's signature still guards the way there. */
export type ChecksumPolicy = 'sha256' | 'crc32' | 'none';

export const CHECKSUM_POLICIES: readonly ChecksumPolicy[] = ['sha256', 'crc32', 'none'];

const FIELDS = { sha256: 'ChecksumSHA256', crc32: 'ChecksumCRC32' } as const;
const ALGORITHMS = { sha256: 'SHA256', crc32: 'CRC32' } as const;

/** How the SDK names checksums in its inputs and outputs. */
export interface ChecksumFields {
  readonly ChecksumSHA256?: string;
  readonly ChecksumCRC32?: string;
}

/** `CreateMultipartUpload`: what the parts will bring. */
export const algorithmField = (policy: ChecksumPolicy): { readonly ChecksumAlgorithm?: 'SHA256' | 'CRC32' } =>
  policy === 'none' ? {} : { ChecksumAlgorithm: ALGORITHMS[policy] };

/** A checksum in Base64 as the field that S3 has for it. */
export const checksumField = (policy: ChecksumPolicy, checksum: string | undefined): ChecksumFields =>
  policy === 'none' || checksum === undefined ? {} : { [FIELDS[policy]]: checksum };

export const checksumIn = (policy: ChecksumPolicy, answer: Partial<ChecksumFields>): string | undefined =>
  policy === 'none' ? undefined : answer[FIELDS[policy]];

const crc32Bytes = (data: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes;
};

/** Reckoned on another thread. */
export const sha256Of = async (part: Uint8Array<ArrayBuffer>): Promise<Buffer> =>
  Buffer.from(await webcrypto.subtle.digest('SHA-256', part));

/** Base64, of a part whose SHA-256 is known. */
export const checksumOf = (policy: ChecksumPolicy, part: Uint8Array, sha256: Buffer): string | undefined =>
  policy === 'none' ? undefined : (policy === 'sha256' ? sha256 : crc32Bytes(part)).toString('base64');

/** What S3 tells of an object put together from parts: the checksum of their checksums, and how many they are. */
export const compositeOf = (policy: ChecksumPolicy, checksums: readonly (string | undefined)[]): string | undefined => {
  if (policy === 'none') return undefined;
  const joined = Buffer.concat(checksums.map((checksum) => Buffer.from(checksum ?? '', 'base64')));
  const bytes = policy === 'sha256' ? createHash('sha256').update(joined).digest() : crc32Bytes(joined);
  return `${bytes.toString('base64')}-${checksums.length}`;
};
