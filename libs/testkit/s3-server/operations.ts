import type { IncomingHttpHeaders } from 'node:http';
import type { Call, Operation, Right } from './operation.js';
import type { ChecksumAlgorithm, Payload } from './payload.js';
import { accessDenied, S3Error } from './s3-error.js';
import {
  assemble,
  type Bucket,
  type Checksum,
  newObject,
  newPart,
  newUpload,
  type StoredObject,
  type Upload,
} from './storage.js';
import { document, element, textsOf } from './xml.js';

/** What the server holds, and where it departs from AWS. */
export interface State {
  readonly region: string;
  readonly buckets: Map<string, Bucket>;
  readonly uploads: Map<string, Upload>;
  /** Rights that everybody lacks. */
  readonly denied: Set<Right>;
  conditionalWrites: 'honoured' | 'ignored' | 'rejected';
  checksums: 'all' | 'crc32-only' | 'ignored';
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface Request extends Call {
  readonly headers: IncomingHttpHeaders;
  readonly payload: Payload;
}

type Handler = (request: Request, state: State) => Answer;

const xml = (root: string): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/xml' },
  body: document(root),
});

const checksumHeaders = (checksum: Checksum | undefined): Record<string, string> =>
  checksum ? { [`x-amz-checksum-${checksum.algorithm}`]: checksum.value } : {};

/** The headers that an object keeps. */
const keptHeaders = (headers: IncomingHttpHeaders): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      name === 'content-type' || name.startsWith('x-amz-meta-') ? [[name, String(value)]] : [],
    ),
  );

const bucketOf = ({ bucket }: Call, { buckets }: State): Bucket => {
  const found = buckets.get(bucket);
  if (!found) {
    throw new S3Error(404, 'NoSuchBucket', 'The specified bucket does not exist', { BucketName: bucket });
  }
  return found;
};

const objectOf = (request: Request, state: State): StoredObject => {
  const object = bucketOf(request, state).objects.get(request.key);
  // AWS tells only those who may list that a key is missing.
  if (!object && state.denied.has('s3:ListBucket')) throw accessDenied();
  if (!object) throw new S3Error(404, 'NoSuchKey', 'The specified key does not exist.', { Key: request.key });
  return object;
};

const uploadOf = ({ query, bucket, key }: Request, { uploads }: State): Upload => {
  const upload = uploads.get(query.get('uploadId') ?? '');
  if (upload?.bucket === bucket && upload.key === key) return upload;
  throw new S3Error(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
};

/** `If-None-Match: *` on a write. */
const heedCondition = (request: Request, state: State): void => {
  if (request.headers['if-none-match'] === undefined || state.conditionalWrites === 'ignored') return;
  if (state.conditionalWrites === 'rejected') {
    throw new S3Error(501, 'NotImplemented', 'A header you provided implies functionality that is not implemented.');
  }
  if (bucketOf(request, state).objects.has(request.key)) {
    throw new S3Error(412, 'PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
      Condition: 'If-None-Match',
    });
  }
};

const algorithmOf = ({ headers }: Request, { checksums }: State): ChecksumAlgorithm | undefined => {
  const name = String(headers['x-amz-checksum-algorithm'] ?? '').toLowerCase();
  if (!name || checksums === 'ignored') return undefined;
  if (name === 'crc32' || (name === 'sha256' && checksums === 'all')) return name;
  throw new S3Error(400, 'InvalidRequest', `Checksum algorithm ${name} is not supported.`);
};

/** One page of what comes after a marker, in order. */
const page = <T>(
  items: readonly T[],
  limit: string | null,
): { readonly items: readonly T[]; readonly more: boolean } => {
  const size = Math.min(Number(limit ?? 1_000), 1_000);
  return { items: items.slice(0, size), more: items.length > size };
};

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const objectHeaders = ({ body, etag, headers, lastModified }: StoredObject): Record<string, string> => ({
  ...headers,
  etag,
  'content-length': String(body.length),
  'last-modified': lastModified.toUTCString(),
});

const headObject: Handler = (request, state) => {
  const object = objectOf(request, state);
  const asked = request.headers['x-amz-checksum-mode'] === 'ENABLED';
  return { status: 200, headers: { ...objectHeaders(object), ...(asked ? checksumHeaders(object.checksum) : {}) } };
};

export const HANDLERS: Readonly<Record<Exclude<Operation, 'AssumeRole'>, Handler>> = {
  ListBuckets: (_, { buckets }) =>
    xml(
      element('ListAllMyBucketsResult', [
        element(
          'Buckets',
          [...buckets.keys()].sort().map((name) => element('Bucket', [element('Name', name)])),
        ),
      ]),
    ),

  CreateBucket: ({ bucket }, { buckets, region }) => {
    if (buckets.has(bucket)) throw new S3Error(409, 'BucketAlreadyOwnedByYou', 'You already own this bucket.');
    buckets.set(bucket, { name: bucket, region, objects: new Map() });
    return { status: 200, headers: { location: `/${bucket}` } };
  },

  HeadBucket: (request, state) => ({
    status: 200,
    headers: { 'x-amz-bucket-region': bucketOf(request, state).region },
  }),

  ListObjectsV2: (request, state) => {
    const { objects, name } = bucketOf(request, state);
    const { query } = request;
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const keys = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort(compare);
    const { items, more } = page(keys, query.get('max-keys'));
    return xml(
      element('ListBucketResult', [
        element('Name', name),
        element('Prefix', prefix),
        element('KeyCount', items.length),
        element('IsTruncated', more),
        ...(more ? [element('NextContinuationToken', items.at(-1) ?? '')] : []),
        ...items.map((key) =>
          element('Contents', [element('Key', key), element('Size', objects.get(key)?.body.length ?? 0)]),
        ),
      ]),
    );
  },

  ListMultipartUploads: (request, state) => {
    const { name } = bucketOf(request, state);
    const { query } = request;
    const prefix = query.get('prefix') ?? '';
    const marker = [query.get('key-marker') ?? '', query.get('upload-id-marker') ?? ''].join('\0');
    const sortKey = ({ key, id }: Upload) => [key, id].join('\0');
    const waiting = [...state.uploads.values()]
      .filter((upload) => upload.bucket === name && upload.key.startsWith(prefix) && sortKey(upload) > marker)
      .sort((a, b) => compare(sortKey(a), sortKey(b)));
    const { items, more } = page(waiting, query.get('max-uploads'));
    const last = items.at(-1);
    return xml(
      element('ListMultipartUploadsResult', [
        element('Bucket', name),
        element('IsTruncated', more),
        ...(more && last ? [element('NextKeyMarker', last.key), element('NextUploadIdMarker', last.id)] : []),
        ...items.map(({ key, id, initiated }) =>
          element('Upload', [
            element('Key', key),
            element('UploadId', id),
            element('Initiated', initiated.toISOString()),
          ]),
        ),
      ]),
    );
  },

  ListParts: (request, state) => {
    const upload = uploadOf(request, state);
    const after = Number(request.query.get('part-number-marker') ?? 0);
    const parts = [...upload.parts].filter(([number]) => number > after).sort(([a], [b]) => a - b);
    const { items, more } = page(parts, request.query.get('max-parts'));
    return xml(
      element('ListPartsResult', [
        element('UploadId', upload.id),
        element('IsTruncated', more),
        ...(more ? [element('NextPartNumberMarker', items.at(-1)?.[0] ?? 0)] : []),
        ...items.map(([number, { body, etag, checksum }]) =>
          element('Part', [
            element('PartNumber', number),
            element('ETag', etag),
            element('Size', body.length),
            ...(checksum ? [element(`Checksum${checksum.algorithm.toUpperCase()}`, checksum.value)] : []),
          ]),
        ),
      ]),
    );
  },

  PutObject: (request, state) => {
    const { objects } = bucketOf(request, state);
    heedCondition(request, state);
    const object = newObject(newPart(request.payload.body, request.payload.checksum), keptHeaders(request.headers));
    objects.set(request.key, object);
    return { status: 200, headers: { etag: object.etag, ...checksumHeaders(object.checksum) } };
  },

  CreateMultipartUpload: (request, state) => {
    const { name } = bucketOf(request, state);
    const upload = newUpload(name, request.key, keptHeaders(request.headers), algorithmOf(request, state));
    state.uploads.set(upload.id, upload);
    return xml(
      element('InitiateMultipartUploadResult', [
        element('Bucket', name),
        element('Key', upload.key),
        element('UploadId', upload.id),
      ]),
    );
  },

  UploadPart: (request, state) => {
    const upload = uploadOf(request, state);
    const part = newPart(request.payload.body, request.payload.checksum);
    upload.parts.set(Number(request.query.get('partNumber')), part);
    return { status: 200, headers: { etag: part.etag, ...checksumHeaders(part.checksum) } };
  },

  CompleteMultipartUpload: (request, state) => {
    const { objects } = bucketOf(request, state);
    const upload = uploadOf(request, state);
    heedCondition(request, state);
    const named = textsOf(request.payload.body.toString(), 'Part').map((part) => ({
      number: Number(textsOf(part, 'PartNumber')[0]),
      etag: textsOf(part, 'ETag')[0] ?? '',
      checksum: upload.algorithm && textsOf(part, `Checksum${upload.algorithm.toUpperCase()}`)[0],
    }));
    const object = assemble(upload, named);
    objects.set(upload.key, object);
    state.uploads.delete(upload.id);
    return xml(
      element('CompleteMultipartUploadResult', [
        element('Bucket', upload.bucket),
        element('Key', upload.key),
        element('ETag', object.etag),
      ]),
    );
  },

  AbortMultipartUpload: (request, state) => {
    state.uploads.delete(uploadOf(request, state).id);
    return { status: 204 };
  },

  GetObject: (request, state) => ({ ...headObject(request, state), body: objectOf(request, state).body }),

  HeadObject: headObject,

  DeleteObject: (request, state) => {
    bucketOf(request, state).objects.delete(request.key);
    return { status: 204 };
  },
};
