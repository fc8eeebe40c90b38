import type { RedeliveryCounts, RedeliveryFilter } from '@waybill/contracts';
import type { RedeliveryEvent } from './events.js';

export interface Redelivery {
  readonly status: 'requested' | 'completed';
  readonly redeliveryId: string;
  readonly destinationId: string;
  readonly filter: RedeliveryFilter;
  readonly deadLetters: number;
  /** Null until it is complete. */
  readonly counts: RedeliveryCounts | null;
  readonly finishedAt: string | null;
}

export type RedeliveryState = { readonly status: 'none' } | Redelivery;

export const initialState: RedeliveryState = { status: 'none' };

export const evolve = (state: RedeliveryState, event: RedeliveryEvent): RedeliveryState => {
  if (event.type === 'RedeliveryRequested') {
    return state.status === 'none' ? { status: 'requested', ...event.data, counts: null, finishedAt: null } : state;
  }
  return state.status === 'none' ? state : { ...state, status: 'completed', ...event.data };
};
