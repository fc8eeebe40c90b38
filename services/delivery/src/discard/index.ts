import type { Decider } from '@waybill/kernel';
import { decide, type DiscardCommand } from './decide.js';
import type { DiscardEvent } from './events.js';
import { type DiscardState, evolve, initialState } from './state.js';

export const DISCARD = 'discard';

export const discardDecider: Decider<DiscardState, DiscardCommand, DiscardEvent> = { initialState, decide, evolve };

export * from './decide.js';
export * from './events.js';
export * from './state.js';
