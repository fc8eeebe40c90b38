import type { IncomingMessage } from 'node:http';
import { S3Error } from './s3-error.js';

/** The right each operation asks for (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html). */
export const RIGHT_OF = {
  ListBuckets: 's3:ListAllMyBuckets',
  CreateBucket: 's3:CreateBucket',
  ListObjectsV2: 's3:ListBucket',
  HeadBucket: 's3:ListBucket',
  ListMultipartUploads: 's3:ListBucketMultipartUploads',
  ListParts: 's3:ListMultipartUploadParts',
  PutObject: 's3:PutObject',
  CreateMultipartUpload: 's3:PutObject',
  UploadPart: 's3:PutObject',
  CompleteMultipartUpload: 's3:PutObject',
  AbortMultipartUpload: 's3:AbortMultipartUpload',
  GetObject: 's3:GetObject',
  HeadObject: 's3:GetObject',
  DeleteObject: 's3:DeleteObject',
  AssumeRole: 'sts:AssumeRole',
} as const;

export type Operation = keyof typeof RIGHT_OF;
export type Right = (typeof RIGHT_OF)[Operation];

/** A request, understood. Bucket and key are '' where there is none. */
export interface Call {
  readonly operation: Operation;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

const OPERATIONS: Readonly<Record<'service' | 'bucket' | 'object' | 'upload', Readonly<Record<string, Operation>>>> = {
  service: { GET: 'ListBuckets', POST: 'AssumeRole' },
  bucket: { GET: 'ListObjectsV2', PUT: 'CreateBucket', HEAD: 'HeadBucket', 'GET ?uploads': 'ListMultipartUploads' },
  object: {
    PUT: 'PutObject',
    GET: 'GetObject',
    HEAD: 'HeadObject',
    DELETE: 'DeleteObject',
    'POST ?uploads': 'CreateMultipartUpload',
  },
  upload: { GET: 'ListParts', PUT: 'UploadPart', POST: 'CompleteMultipartUpload', DELETE: 'AbortMultipartUpload' },
};

const operationOf = (method: string, bucket: string, key: string, query: URLSearchParams): Operation | undefined => {
  const subject = query.has('uploadId') ? 'upload' : key ? 'object' : bucket ? 'bucket' : 'service';
  return OPERATIONS[subject][query.has('uploads') ? `${method} ?uploads` : method];
};

/** Path style only: `/bucket/key`. */
export const callOf = (request: IncomingMessage): Call => {
  const url = new URL(request.url ?? '/', 'http://host');
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?([^]*)$/.exec(url.pathname)?.map(decodeURIComponent) ?? [];
  const operation = operationOf(request.method ?? '', bucket, key, url.searchParams);
  if (!operation)
    throw new S3Error(501, 'NotImplemented', `This server does not do ${request.method} ${url.pathname}.`);
  return { operation, bucket, key, query: url.searchParams };
};
