import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  NoSuchKey,
  paginateListObjectsV2,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type Availability, available, unavailable } from '../availability/index.js';

/** An S3 server and one who may do anything on it. */
export interface S3Counterpart {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

/** The partner's own eyes and hands on a server, not through the connector. */
export interface S3Observer {
  createBucket(bucket: string): Promise<void>;
  /** Undefined when there is no such object. */
  read(bucket: string, key: string): Promise<Buffer | undefined>;
  size(bucket: string, key: string): Promise<number | undefined>;
  remove(bucket: string, key: string): Promise<void>;
  write(bucket: string, key: string, content: Uint8Array): Promise<void>;
  keys(bucket: string, prefix?: string): Promise<readonly string[]>;
  /** Uploads neither completed nor aborted, the first thousand. */
  uploads(bucket: string): Promise<readonly { readonly key: string; readonly id: string }[]>;
  enableVersioning(bucket: string): Promise<void>;
  /** Keys of versions and delete markers, the first thousand. */
  versions(bucket: string): Promise<readonly string[]>;
  abort(bucket: string, upload: { readonly key: string; readonly id: string }): Promise<void>;
  close(): void;
}

export const observeS3 = ({
  endpoint,
  region,
  accessKeyId,
  secretAccessKey,
}: Omit<S3Counterpart, 'stop'>): S3Observer => {
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
    // Older servers refuse the checksums that the client would add by itself.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  return {
    createBucket: async (bucket) => void (await client.send(new CreateBucketCommand({ Bucket: bucket }))),
    read: async (bucket, key) => {
      try {
        const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
        return Buffer.from((await Body?.transformToByteArray()) ?? []);
      } catch (error) {
        if (error instanceof NoSuchKey) return undefined;
        throw error;
      }
    },
    size: async (bucket, key) => (await client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }))).ContentLength,
    remove: async (bucket, key) => void (await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))),
    write: async (bucket, key, content) =>
      void (await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: content }))),
    keys: async (bucket, prefix = '') => {
      const keys: string[] = [];
      for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: prefix })) {
        keys.push(...(page.Contents ?? []).map(({ Key }) => Key ?? ''));
      }
      return keys;
    },
    uploads: async (bucket) => {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
      return Uploads.map(({ Key, UploadId }) => ({ key: Key ?? '', id: UploadId ?? '' }));
    },
    enableVersioning: async (bucket) =>
      void (await client.send(
        new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }),
      )),
    versions: async (bucket) => {
      const { Versions = [], DeleteMarkers = [] } = await client.send(
        new ListObjectVersionsCommand({ Bucket: bucket }),
      );
      return [...Versions, ...DeleteMarkers].map(({ Key }) => Key ?? '');
    },
    abort: async (bucket, { key, id }) =>
      void (await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id }))),
    close: () => client.destroy(),
  };
};

export interface NamedS3 extends Omit<S3Counterpart, 'stop'> {
  readonly bucket: string;
}

/** Any S3, AWS among it, named by `WAYBILL_TEST_S3_ENDPOINT`, `_REGION`, `_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY`, `_BUCKET`. */
export const findNamedS3 = (): Availability<NamedS3> => {
  const { env } = process;
  const named = {
    endpoint: env['WAYBILL_TEST_S3_ENDPOINT'] ?? '',
    region: env['WAYBILL_TEST_S3_REGION'] ?? 'us-east-1',
    accessKeyId: env['WAYBILL_TEST_S3_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['WAYBILL_TEST_S3_SECRET_ACCESS_KEY'] ?? '',
    bucket: env['WAYBILL_TEST_S3_BUCKET'] ?? '',
  };
  return Object.values(named).every(Boolean)
    ? available(named)
    : unavailable('WAYBILL_TEST_S3_ENDPOINT, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY and _BUCKET name none');
};
