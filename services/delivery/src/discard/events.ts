import type { RedeliveryFilter } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** Somebody gave dead letters up for good; who and when stand in the metadata. */
export type DiscardEvent = DomainEvent<
  'DeadLettersDiscarded',
  {
    readonly discardId: string;
    readonly destinationId: string;
    readonly filter: RedeliveryFilter;
    readonly deadLetters: number;
  }
>;
