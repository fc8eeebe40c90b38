import type { Decider } from '@waybill/kernel';
import { decide, type MarketingActionCommand } from './decide.js';
import type { MarketingActionEvent } from './events.js';
import { evolve, initialState, type MarketingActionState } from './state.js';

/** One stream per tenant, sandbox and name. */
export const MARKETING_ACTION = 'marketing_action';

export const marketingActionDecider: Decider<MarketingActionState, MarketingActionCommand, MarketingActionEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './core.js';
export * from './decide.js';
export * from './events.js';
export * from './state.js';
