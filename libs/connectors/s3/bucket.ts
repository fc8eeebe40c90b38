import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { algorithmField, checksumField, checksumIn, checksumOf, type ChecksumPolicy, sha256Of } from './checksum.js';

/** What completing an upload asks of each part. */
export interface PartTag {
  readonly etag: string;
  /** Base64. */
  readonly checksum?: string | undefined;
}

export interface SentPart extends PartTag {
  /** Whether the server said that it has checked the checksum. */
  readonly checked: boolean;
}

export interface Standing {
  readonly bytes: number;
  /** Of an object put together from parts: see `compositeOf`. */
  readonly checksum?: string | undefined;
  /** The upload it came from, when it is one of ours. */
  readonly stagingId?: string | undefined;
}

export interface OpenUpload {
  readonly key: string;
  readonly uploadId: string;
}

/** A name of ours in the object's metadata, so that an object tells which upload it came from on any server. */
const STAGING_ID = 'waybill-staging-id';

/** The calls that proofs and deliveries make on one bucket; each rejects with what the SDK throws. */
export interface Bucket {
  /** One page of one. */
  list(prefix: string): Promise<void>;
  /** When it had to be tried again, other uploads of this key are aborted: keys belong to one writer. */
  startUpload(key: string, policy: ChecksumPolicy, stagingId: string): Promise<string>;
  sendPart(
    upload: OpenUpload,
    number: number,
    body: Buffer<ArrayBuffer>,
    policy: ChecksumPolicy,
    signal?: AbortSignal,
  ): Promise<SentPart>;
  /** `ifFree`: only when nothing stands under the key. Answers the object's version, where the bucket keeps versions. */
  complete(
    upload: OpenUpload,
    parts: readonly PartTag[],
    policy: ChecksumPolicy,
    ifFree: boolean,
  ): Promise<string | undefined>;
  abort(upload: OpenUpload): Promise<void>;
  listParts(upload: OpenUpload, policy: ChecksumPolicy): Promise<readonly PartTag[]>;
  listUploads(prefix: string): Promise<readonly OpenUpload[]>;
  head(key: string, policy: ChecksumPolicy): Promise<Standing>;
  /** SHA-256 in hex of what stands under a key, read through. */
  hash(key: string): Promise<string>;
  /** Answers the version that the deletion made or removed, where the bucket keeps versions. */
  delete(key: string, versionId?: string): Promise<string | undefined>;
}

export const openBucket = (client: S3Client, name: string, signal: () => AbortSignal): Bucket => {
  const Bucket = name;
  const options = (own?: AbortSignal) => ({ abortSignal: own ?? signal() });

  const abort = async ({ key, uploadId }: OpenUpload): Promise<void> => {
    await client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }), options());
  };

  const listUploads = async (prefix: string): Promise<readonly OpenUpload[]> => {
    const uploads: OpenUpload[] = [];
    for (let marker = {}; ;) {
      const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...marker }), options());
      for (const { Key, UploadId } of page.Uploads ?? []) {
        if (Key && UploadId) uploads.push({ key: Key, uploadId: UploadId });
      }
      if (!page.IsTruncated) return uploads;
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  };

  /** An answer that was lost may have named an upload: nobody else would ever know of it. */
  const abortOthers = async ({ key, uploadId }: OpenUpload): Promise<void> => {
    try {
      const others = (await listUploads(key)).filter((each) => each.key === key && each.uploadId !== uploadId);
      await Promise.all(others.map(abort));
    } catch {
      // Without the right to list they stay until the bucket removes them; the proof of the target said so.
    }
  };

  return {
    list: async (prefix) => {
      await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, MaxKeys: 1 }), options());
    },

    startUpload: async (key, policy, stagingId) => {
      const { UploadId, $metadata } = await client.send(
        new CreateMultipartUploadCommand({
          Bucket,
          Key: key,
          ContentType: 'application/octet-stream',
          Metadata: { [STAGING_ID]: stagingId },
          ...algorithmField(policy),
        }),
        options(),
      );
      if (!UploadId) throw new Error('The server started an upload without naming it.');
      if (($metadata.attempts ?? 1) > 1) await abortOthers({ key, uploadId: UploadId });
      return UploadId;
    },

    sendPart: async ({ key, uploadId }, number, body, policy, own) => {
      const sha256 = await sha256Of(body);
      const checksum = checksumOf(policy, body, sha256);
      const command = new UploadPartCommand({
        Bucket,
        Key: key,
        UploadId: uploadId,
        PartNumber: number,
        Body: body,
        ContentLength: body.length,
        ...checksumField(policy, checksum),
      });
      // The SDK would reckon the hash that it signs once more, on the main thread.
      command.middlewareStack.add(
        (next) => (args) => {
          const { headers } = args.request as { readonly headers: Record<string, string> };
          headers['x-amz-content-sha256'] = sha256.toString('hex');
          return next(args);
        },
        { step: 'build' },
      );
      const answer = await client.send(command, options(own));
      return { etag: answer.ETag ?? '', checksum, checked: checksumIn(policy, answer as object) === checksum };
    },

    complete: async ({ key, uploadId }, parts, policy, ifFree) => {
      const { VersionId } = await client.send(
        new CompleteMultipartUploadCommand({
          Bucket,
          Key: key,
          UploadId: uploadId,
          ...(ifFree ? { IfNoneMatch: '*' } : {}),
          MultipartUpload: {
            Parts: parts.map(({ etag, checksum }, index) => ({
              PartNumber: index + 1,
              ETag: etag,
              ...checksumField(policy, checksum),
            })),
          },
        }),
        options(),
      );
      return VersionId;
    },

    abort,

    listParts: async ({ key, uploadId }, policy) => {
      const tags: PartTag[] = [];
      for (let marker: string | undefined; ;) {
        const page = await client.send(
          new ListPartsCommand({
            Bucket,
            Key: key,
            UploadId: uploadId,
            ...(marker === undefined ? {} : { PartNumberMarker: marker }),
          }),
          options(),
        );
        for (const part of page.Parts ?? []) {
          tags.push({ etag: part.ETag ?? '', checksum: checksumIn(policy, part as object) });
        }
        if (!page.IsTruncated) return tags;
        marker = page.NextPartNumberMarker;
      }
    },

    listUploads,

    head: async (key, policy) => {
      const answer = await client.send(
        new HeadObjectCommand({ Bucket, Key: key, ...(policy === 'none' ? {} : { ChecksumMode: 'ENABLED' }) }),
        options(),
      );
      return {
        bytes: answer.ContentLength ?? 0,
        checksum: checksumIn(policy, answer as object),
        stagingId: answer.Metadata?.[STAGING_ID],
      };
    },

    hash: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: key }), options());
      const hash = createHash('sha256');
      for await (const chunk of Body as AsyncIterable<Uint8Array>) hash.update(chunk);
      return hash.digest('hex');
    },

    delete: async (key, versionId) => {
      const { VersionId } = await client.send(
        new DeleteObjectCommand({ Bucket, Key: key, ...(versionId === undefined ? {} : { VersionId: versionId }) }),
        options(),
      );
      return VersionId;
    },
  };
};
