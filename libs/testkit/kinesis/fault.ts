import type { KinesisError } from './kinesis-error.js';
import type { RequestRecord } from './store.js';

export type Fault =
  /** An error instead of the work: 400 `ProvisionedThroughputExceededException`, 500 `InternalFailure` … */
  | { readonly kind: 'answer'; readonly error: KinesisError }
  /** Of PutRecords: some records are refused, the others kept. */
  | {
      readonly kind: 'refuse-records';
      readonly code: 'ProvisionedThroughputExceededException' | 'InternalFailure';
      readonly which: (record: RequestRecord, position: number) => boolean;
    }
  /** The work is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose-answer' }
  /** The work is done, the answer comes late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The work is done, and the answer never comes. */
  | { readonly kind: 'hang' };
