import { partitionOf } from '../aws-partition.js';

const REQUIRED = ['s3:PutObject', 's3:AbortMultipartUpload'];
/** The right to delete versions is for buckets that keep them. */
const OPTIONAL_ON_FILES = ['s3:GetObject', 's3:DeleteObject', 's3:DeleteObjectVersion', 's3:ListMultipartUploadParts'];

/** The IAM policy that delivery into a folder of a bucket needs; `everything` adds the rights it can do without. */
export const iamPolicy = (bucket: string, folder: string, region: string, everything: boolean): string => {
  const arn = `arn:${partitionOf(region)}:s3:::${bucket}`;
  const files = {
    Effect: 'Allow',
    Action: everything ? [...REQUIRED, ...OPTIONAL_ON_FILES] : REQUIRED,
    Resource: folder ? `${arn}/${folder}/*` : `${arn}/*`,
  };
  const lists = { Effect: 'Allow', Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'], Resource: arn };
  return JSON.stringify({ Version: '2012-10-17', Statement: everything ? [files, lists] : [files] });
};
