import { KinesisError } from './kinesis-error.js';
import type { RequestRecord } from './store.js';

const KIBIBYTE = 1024;
const MOST_RECORDS = 500;

const bytesOf = ({ Data, PartitionKey }: RequestRecord): number =>
  Buffer.byteLength(Data, 'base64') + Buffer.byteLength(PartitionKey);

/**
 * The limits of PutRecords (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html): keys count. A
 * stream that tells its largest record takes requests of 10 MiB; older ones take 1 MiB and 5 MiB.
 */
export const checkLimits = (records: readonly RequestRecord[], maxRecordKiB: number | undefined): void => {
  if (records.length === 0 || records.length > MOST_RECORDS) {
    throw new KinesisError('ValidationException', `A request has 1 to ${MOST_RECORDS} records, not ${records.length}.`);
  }
  const [mostRecord, mostRequest] = [(maxRecordKiB ?? 1024) * KIBIBYTE, (maxRecordKiB ? 10 : 5) * KIBIBYTE ** 2];
  const sizes = records.map(bytesOf);
  const tooLarge = sizes.findIndex((size) => size > mostRecord);
  if (tooLarge >= 0) {
    const [position, size] = [tooLarge + 1, sizes[tooLarge]];
    throw new KinesisError(
      'ValidationException',
      `Record ${position} has ${size} bytes with its key; at most ${mostRecord} are allowed.`,
    );
  }
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total > mostRequest) {
    throw new KinesisError(
      'InvalidArgumentException',
      `The records have ${total} bytes with their keys; at most ${mostRequest} are allowed.`,
    );
  }
};
