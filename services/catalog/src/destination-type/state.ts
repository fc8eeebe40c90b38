import { unreachable } from '@waybill/kernel';
import type { DestinationTypeEvent, Listing } from './events.js';

export type DestinationTypeState =
  { readonly status: 'none' } | { readonly status: 'listed'; readonly listing: Listing };

export const initialState: DestinationTypeState = { status: 'none' };

export const evolve = (state: DestinationTypeState, event: DestinationTypeEvent): DestinationTypeState => {
  switch (event.type) {
    case 'DestinationTypeListed':
    case 'DestinationTypeRevised':
      return { status: 'listed', listing: event.data };
    case 'DestinationTypeRetired':
      return initialState;
    default:
      return unreachable(event, state);
  }
};
