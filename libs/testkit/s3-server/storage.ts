import { createHash, randomUUID } from 'node:crypto';
import { type ChecksumAlgorithm, digest } from './payload.js';
import { S3Error } from './s3-error.js';

export interface Checksum {
  readonly algorithm: ChecksumAlgorithm;
  /** Base64; of parts put together `<digest of their digests>-<number of parts>`. */
  readonly value: string;
}

export interface StoredObject {
  readonly body: Buffer;
  readonly etag: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly lastModified: Date;
  readonly checksum?: Checksum | undefined;
}

export interface Part {
  readonly body: Buffer;
  readonly etag: string;
  readonly checksum?: Checksum | undefined;
}

export interface Upload {
  readonly id: string;
  readonly bucket: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly initiated: Date;
  readonly algorithm?: ChecksumAlgorithm | undefined;
  readonly parts: Map<number, Part>;
}

/** What a client names of a part when it completes an upload. */
export interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum?: string | undefined;
}

export interface Bucket {
  readonly name: string;
  readonly region: string;
  readonly objects: Map<string, StoredObject>;
}

const MIN_PART_BYTES = 5 * 2 ** 20;

const md5 = (data: Uint8Array): Buffer => createHash('md5').update(data).digest();

export const newPart = (body: Buffer, checksum?: Checksum): Part => ({
  body,
  etag: `"${md5(body).toString('hex')}"`,
  checksum,
});

export const newObject = (part: Part, headers: Readonly<Record<string, string>>): StoredObject => ({
  ...part,
  headers,
  lastModified: new Date(),
});

export const newUpload = (
  bucket: string,
  key: string,
  headers: Readonly<Record<string, string>>,
  algorithm?: ChecksumAlgorithm,
): Upload => ({ id: randomUUID(), bucket, key, headers, initiated: new Date(), algorithm, parts: new Map() });

/** The object of an upload: the named parts in order, each of them checked. */
export const assemble = (upload: Upload, named: readonly NamedPart[]): StoredObject => {
  const parts = named.map(({ number, etag, checksum }, index) => {
    const part = upload.parts.get(number);
    const inOrder = index === 0 || (named[index - 1]?.number ?? 0) < number;
    if (!inOrder) throw new S3Error(400, 'InvalidPartOrder', 'The list of parts was not in ascending order.');
    if (part?.etag !== etag || (upload.algorithm && part.checksum?.value !== checksum)) {
      throw new S3Error(400, 'InvalidPart', 'One or more of the specified parts could not be found.');
    }
    if (index < named.length - 1 && part.body.length < MIN_PART_BYTES) {
      throw new S3Error(400, 'EntityTooSmall', 'Your proposed upload is smaller than the minimum allowed size.');
    }
    return part;
  });
  if (parts.length === 0) throw new S3Error(400, 'MalformedXML', 'You must specify at least one part.');
  const ofParts = (digests: readonly Buffer[], of: (data: Buffer) => Buffer) => of(Buffer.concat(digests));
  const etag = ofParts(
    parts.map(({ body }) => md5(body)),
    md5,
  ).toString('hex');
  const { algorithm } = upload;
  return {
    body: Buffer.concat(parts.map(({ body }) => body)),
    etag: `"${etag}-${parts.length}"`,
    headers: upload.headers,
    lastModified: new Date(),
    checksum: algorithm && {
      algorithm,
      value: `${ofParts(
        parts.map(({ body }) => digest(algorithm, body)),
        (digests) => digest(algorithm, digests),
      ).toString('base64')}-${parts.length}`,
    },
  };
};
