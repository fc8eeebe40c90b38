import { digestOf } from '@waybill/kernel';
import type { StagedFile } from '../port.js';
import type { OpenUpload, PartTag } from './bucket.js';
import { CHECKSUM_POLICIES, type ChecksumPolicy } from './checksum.js';

/**
 * More parts than these (3 GiB) are not written out, since a staged file is recorded in an event of at most 64 KiB: the
 * server lists them when they are needed, and their digest says whether they are still the same.
 */
const MOST_PARTS_WRITTEN_OUT = 400;

/** What a sink remembers of an upload that waits to be completed. Plain JSON. */
export interface StagedUpload {
  readonly uploadId: string;
  /** Stands in the object's metadata. */
  readonly stagingId: string;
  readonly policy: ChecksumPolicy;
  /** What the server will tell of the object, where it tells checksums. */
  readonly checksum: string | null;
  readonly partsDigest: string;
  /** `<etag> <checksum>` of each. */
  readonly parts: readonly string[] | null;
}

const written = ({ etag, checksum = '' }: PartTag): string => `${etag} ${checksum}`;

const parsed = (text: string): PartTag => {
  const [etag = '', checksum] = text.split(' ');
  return { etag, checksum: checksum === '' ? undefined : checksum };
};

export const digestOfParts = (parts: readonly PartTag[]): string => digestOf(parts.map(written));

export const toHandle = (
  upload: Pick<StagedUpload, 'uploadId' | 'stagingId' | 'policy'>,
  parts: readonly PartTag[],
  checksum: string | undefined,
): StagedFile['handle'] => ({
  ...upload,
  checksum: checksum ?? null,
  partsDigest: digestOfParts(parts),
  parts: parts.length > MOST_PARTS_WRITTEN_OUT ? null : parts.map(written),
});

/** A handle that this connector once made. */
export const fromHandle = ({ handle }: StagedFile): StagedUpload => {
  const { uploadId, stagingId, policy, checksum, partsDigest, parts } = handle;
  return {
    uploadId: String(uploadId),
    stagingId: String(stagingId),
    policy: CHECKSUM_POLICIES.find((known) => known === policy) ?? 'none',
    checksum: typeof checksum === 'string' ? checksum : null,
    partsDigest: String(partsDigest),
    parts: Array.isArray(parts) ? parts.map(String) : null,
  };
};

export const openUploadOf = (staged: StagedFile): OpenUpload => ({
  key: staged.path,
  uploadId: fromHandle(staged).uploadId,
});

export const partTagsOf = ({ parts }: StagedUpload): readonly PartTag[] | undefined => parts?.map(parsed);
