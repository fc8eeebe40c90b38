import { unreachable } from '@waybill/kernel';
import type { Claim, Failed, Passed, ValidationEvent } from './events.js';

interface Claimed {
  readonly validationId: string;
  readonly claim: Claim;
}

export type ValidationState =
  | { readonly status: 'none' }
  | (Claimed & { readonly status: 'requested' })
  | (Claimed & { readonly status: 'passed'; readonly report: Passed })
  | (Claimed & { readonly status: 'failed'; readonly report: Failed });

export const initialState: ValidationState = { status: 'none' };

export const evolve = (state: ValidationState, event: ValidationEvent): ValidationState => {
  switch (event.type) {
    case 'ValidationRequested': {
      if (state.status !== 'none') return state;
      const { validationId, ...claim } = event.data;
      return { status: 'requested', validationId, claim };
    }
    case 'CredentialsValidated':
    case 'TargetValidated':
      return state.status === 'requested' ? { ...state, status: 'passed', report: event.data } : state;
    case 'CredentialsRejected':
    case 'TargetRejected':
      return state.status === 'requested' ? { ...state, status: 'failed', report: event.data } : state;
    default:
      return unreachable(event, state);
  }
};
