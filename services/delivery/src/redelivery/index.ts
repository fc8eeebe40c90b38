import type { Decider } from '@waybill/kernel';
import { decide, type RedeliveryCommand } from './decide.js';
import type { RedeliveryEvent } from './events.js';
import { evolve, initialState, type RedeliveryState } from './state.js';

export const REDELIVERY = 'redelivery';

export const redeliveryDecider: Decider<RedeliveryState, RedeliveryCommand, RedeliveryEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './decide.js';
export * from './events.js';
export * from './state.js';
