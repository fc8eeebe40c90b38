import type { RedeliveryCounts, RedeliveryFilter } from '@waybill/contracts';
import { WaybillError } from '@waybill/kernel';
import type { RedeliveryEvent } from './events.js';
import type { RedeliveryState } from './state.js';

export interface RequestRedelivery {
  readonly type: 'RequestRedelivery';
  readonly redeliveryId: string;
  readonly destinationId: string;
  readonly filter: RedeliveryFilter;
  readonly deadLetters: number;
}
/** None of its dead letters waits any more. */
export interface CompleteRedelivery {
  readonly type: 'CompleteRedelivery';
  readonly counts: RedeliveryCounts;
  readonly at: string;
}
export type RedeliveryCommand = RequestRedelivery | CompleteRedelivery;

export const redeliveryNotFound = (): WaybillError =>
  new WaybillError('redelivery-not-found', 'not-found', 'There is no such redelivery of this destination.');

/** Each may be asked for again by whoever is there after a crash. */
export const decide = (command: RedeliveryCommand, state: RedeliveryState): readonly RedeliveryEvent[] => {
  if (command.type === 'RequestRedelivery') {
    const { type: _, ...requested } = command;
    return state.status === 'none' ? [{ type: 'RedeliveryRequested', data: requested }] : [];
  }
  if (state.status === 'none') throw redeliveryNotFound();
  const { counts, at } = command;
  return state.status === 'completed' ? [] : [{ type: 'RedeliveryCompleted', data: { counts, finishedAt: at } }];
};
