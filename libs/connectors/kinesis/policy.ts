import { partitionOf } from '../aws-partition.js';

/** The IAM policy that delivery into a stream needs; describing it is for the proof alone. */
export const iamPolicy = (stream: string, region: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Action: ['kinesis:PutRecords', 'kinesis:DescribeStreamSummary'],
        Resource: `arn:${partitionOf(region)}:kinesis:${region}:*:stream/${stream}`,
      },
    ],
  });
