import type { RunCounts } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** What happened at one destination in one hour. Few events: what is counted between them stands in a table. */
export type StreamRunEvent =
  | DomainEvent<
      'StreamRunStarted',
      {
        readonly runId: string;
        readonly destinationId: string;
        readonly destinationName: string;
        readonly segmentIds: readonly string[];
        /** The hour, RFC 3339: from the first to before the second. */
        readonly from: string;
        readonly to: string;
        readonly startedAt: string;
      }
    >
  | DomainEvent<'StreamRunProgressed', { readonly counts: RunCounts; readonly segmentIds: readonly string[] }>
  | DomainEvent<'StreamRunCompleted', { readonly counts: RunCounts; readonly finishedAt: string }>;
