import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { JSONSchema } from 'class-validator-jsonschema';
import { AccessKeyId, IsEndpoint, IsRegion, SecretAccessKey } from '../aws-rules.js';
import { IncludeSegmentNames, IncludeSegmentTimestamps, OnlyChanges, PartitionKey } from '../stream-fields.js';

export class KinesisAccessKeyForm {
  @AccessKeyId()
  accessKeyId!: string;

  @SecretAccessKey()
  secretAccessKey!: string;

  @JSONSchema({ title: 'Region', description: 'Of the stream, such as eu-central-1.', examples: ['eu-central-1'] })
  @IsString()
  @IsRegion()
  region!: string;

  @JSONSchema({
    title: 'Endpoint',
    description: 'The address of a VPC endpoint or of a compatible service; left out: AWS itself.',
    examples: ['https://kinesis.partner.example'],
  })
  @IsOptional()
  @IsString()
  @MaxLength(512)
  @IsEndpoint('https://kinesis.partner.example')
  endpoint?: string;
}

export class KinesisTargetForm {
  @JSONSchema({ title: 'Stream', description: 'The name of a stream that exists.' })
  @IsString()
  @Matches(/^[A-Za-z0-9_.-]{1,128}$/, {
    message: '$property must be 1 to 128 letters, digits, dots, dashes or underscores',
  })
  stream!: string;

  @IncludeSegmentNames()
  includeSegmentNames?: boolean;

  @IncludeSegmentTimestamps()
  includeSegmentTimestamps?: boolean;

  @OnlyChanges()
  onlyChanges?: boolean;

  @PartitionKey()
  partitionKey?: string;
}
