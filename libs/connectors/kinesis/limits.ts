import type { Findings } from '../port.js';

const KIBIBYTE = 1024;

/** Of PutRecords, in bytes with their keys (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html). */
export interface Limits {
  readonly records: number;
  readonly recordBytes: number;
  readonly requestBytes: number;
}

/**
 * What the proof of a target found. A stream that tells its largest record is one of a service with large records, whose
 * requests may have 10 MiB; where nobody tells, the older limits of 1 MiB and 5 MiB hold.
 */
export const limitsOf = ({ maxRecordKiB }: Findings): Limits =>
  typeof maxRecordKiB === 'number'
    ? { records: 500, recordBytes: maxRecordKiB * KIBIBYTE, requestBytes: 10 * KIBIBYTE ** 2 }
    : { records: 500, recordBytes: KIBIBYTE ** 2, requestBytes: 5 * KIBIBYTE ** 2 };
