import type { Decider } from '@waybill/kernel';
import { decide, type ValidationCommand } from './decide.js';
import type { ValidationEvent } from './events.js';
import { evolve, initialState, type ValidationState } from './state.js';

export const VALIDATION = 'validation';

export const validationDecider: Decider<ValidationState, ValidationCommand, ValidationEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './decide.js';
export * from './events.js';
export * from './state.js';
