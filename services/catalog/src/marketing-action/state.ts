import { unreachable } from '@waybill/kernel';
import type { MarketingAction } from './core.js';
import type { MarketingActionEvent, Use } from './events.js';

/** Of the tenant's own. While it is `removing`, nobody new may state it. */
export type MarketingActionState =
  | { readonly status: 'none' }
  | {
      readonly status: 'defined' | 'removing';
      readonly action: MarketingAction;
      /** Who stated it when it was last asked to go. */
      readonly refusedFor: readonly Use[];
    };

export const initialState: MarketingActionState = { status: 'none' };

export const evolve = (state: MarketingActionState, event: MarketingActionEvent): MarketingActionState => {
  switch (event.type) {
    case 'MarketingActionDefined':
      return state.status === 'none' ? { status: 'defined', action: event.data, refusedFor: [] } : state;
    case 'MarketingActionRevised':
      return state.status === 'none' ? state : { ...state, action: event.data };
    case 'MarketingActionRemovalRequested':
      return state.status === 'none' ? state : { ...state, status: 'removing' };
    case 'MarketingActionRemovalRefused':
      return state.status === 'none' ? state : { ...state, status: 'defined', refusedFor: event.data.uses };
    case 'MarketingActionRemoved':
      return initialState;
    default:
      return unreachable(event, state);
  }
};
