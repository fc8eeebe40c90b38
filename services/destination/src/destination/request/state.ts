import type { Problem } from '@waybill/contracts';
import { unreachable } from '@waybill/kernel';
import type { AccountFacts, Change, DestinationRequestEvent } from './events.js';

interface Claimed {
  readonly requestId: string;
  readonly destinationId: string;
  readonly accountId: string;
  readonly change: Change;
}

/** While `open` or `proving` it counts as a use of its account and of its marketing actions. */
export type DestinationRequestState =
  | { readonly status: 'none' }
  | (Claimed & { readonly status: 'open' })
  | (Claimed & { readonly status: 'proving'; readonly validationId: string; readonly account: AccountFacts })
  | (Claimed & { readonly status: 'accepted' })
  | (Claimed & { readonly status: 'rejected'; readonly problem: Problem });

export const initialState: DestinationRequestState = { status: 'none' };

const claimOf = ({ requestId, destinationId, accountId, change }: Claimed): Claimed => ({
  requestId,
  destinationId,
  accountId,
  change,
});

export const evolve = (state: DestinationRequestState, event: DestinationRequestEvent): DestinationRequestState => {
  switch (event.type) {
    case 'DestinationRequestOpened':
      return state.status === 'none' ? { status: 'open', ...event.data } : state;
    case 'TargetProofRequested': {
      if (state.status !== 'open') return state;
      const { validationId, ...account } = event.data;
      return { ...claimOf(state), status: 'proving', validationId, account };
    }
    case 'DestinationRequestAccepted':
      return state.status === 'open' || state.status === 'proving' ? { ...claimOf(state), status: 'accepted' } : state;
    case 'DestinationRequestRejected':
      return state.status === 'open' || state.status === 'proving'
        ? { ...claimOf(state), status: 'rejected', problem: event.data.problem }
        : state;
    default:
      return unreachable(event, state);
  }
};
