import { IsBoolean, IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { AccessKeyId, IsEndpoint, IsRegion, SecretAccessKey } from '../aws-rules.js';
import { hasMisplacedMacro } from '../folder.js';
import { NoControlCharacters, TextRule } from '../text-rule.js';

const REGION = {
  title: 'Region',
  description: "Of the bucket, such as eu-central-1. Left out, the bucket's own region is found.",
  examples: ['eu-central-1'],
};

export class AccessKeyForm {
  @AccessKeyId()
  accessKeyId!: string;

  @SecretAccessKey()
  secretAccessKey!: string;

  @JSONSchema(REGION)
  @IsOptional()
  @IsString()
  @IsRegion()
  region?: string;

  @JSONSchema({
    title: 'Endpoint',
    description: 'The address of an S3-compatible store other than AWS.',
    examples: ['https://s3.partner.example'],
  })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  @IsEndpoint('https://s3.partner.example')
  endpoint?: string;

  @JSONSchema({
    title: 'Path style',
    description:
      'Whether the bucket stands in the path (https://host/bucket) or before the host (https://bucket.host). Left out: in the path at an endpoint of your own, before the host at AWS.',
  })
  @IsOptional()
  @IsBoolean()
  forcePathStyle?: boolean;
}

export class AssumeRoleForm {
  @JSONSchema({
    title: 'Role ARN',
    description: 'An IAM role of yours that trusts us under the external id below.',
    examples: ['arn:aws:iam::123456789012:role/waybill-delivery'],
  })
  @IsString()
  @Matches(/^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/, {
    message: '$property must be the ARN of a role, such as arn:aws:iam::123456789012:role/waybill-delivery',
  })
  roleArn!: string;

  @JSONSchema({ title: 'External id', description: "Made by us for you; it stands in the role's trust policy." })
  @IsString()
  @Matches(/^[\w+=,.@:/-]{2,1224}$/, { message: '$property must be an external id that was made here' })
  externalId!: string;

  @JSONSchema(REGION)
  @IsOptional()
  @IsString()
  @IsRegion()
  region?: string;
}

const bucketProblem = (bucket: string): string | undefined => {
  if (bucket.length < 3 || bucket.length > 63) return 'must have 3 to 63 characters';
  if (!/^[a-z0-9.-]*$/.test(bucket)) return 'may hold only lowercase letters, digits, hyphens and dots';
  if (!/^[a-z0-9].*[a-z0-9]$/.test(bucket)) return 'must begin and end with a letter or a digit';
  if (/\.\.|\.-|-\./.test(bucket)) return 'must not hold a dot beside another dot or a hyphen';
  return /^\d+\.\d+\.\d+\.\d+$/.test(bucket) ? 'must not look like an IP address' : undefined;
};

const folderProblem = (folder: string): string | undefined => {
  const names = folder.replace(/^\/+|\/+$/g, '').split('/');
  if (names.some((name) => name === '.' || name === '..')) return 'must hold no "." or ".." segment';
  if (folder !== '' && names.length > 1 && names.includes('')) return 'must hold no empty segment ("//")';
  return hasMisplacedMacro(folder)
    ? 'must hold %SEGMENT_NAME% and %SEGMENT_ID% as whole segments at its end, the name first'
    : undefined;
};

export class S3TargetForm {
  @JSONSchema({ title: 'Bucket', examples: ['acme-audiences'] })
  @IsString()
  @TextRule('isBucket', bucketProblem)
  bucket!: string;

  @JSONSchema({
    title: 'Folder',
    description:
      "Where in the bucket files go; empty is the bucket's root. May end in %SEGMENT_NAME% and %SEGMENT_ID%, folders for each segment.",
    default: '',
  })
  @IsOptional()
  @IsString()
  // A key has at most 1,024 bytes; this leaves room for the names of the segment and the file.
  @MaxLength(500)
  @NoControlCharacters()
  @TextRule('isFolder', folderProblem)
  folder: string = '';
}
