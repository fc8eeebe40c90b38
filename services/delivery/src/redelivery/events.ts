import type { RedeliveryCounts, RedeliveryFilter } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** Somebody had dead letters delivered again, and what came of it; who and when stand in the metadata. */
export type RedeliveryEvent =
  | DomainEvent<
      'RedeliveryRequested',
      {
        readonly redeliveryId: string;
        readonly destinationId: string;
        readonly filter: RedeliveryFilter;
        /** As many as it was of when it was asked for. */
        readonly deadLetters: number;
      }
    >
  | DomainEvent<'RedeliveryCompleted', { readonly counts: RedeliveryCounts; readonly finishedAt: string }>;
