import type { Decider } from '@waybill/kernel';
import { decide, type DestinationCommand } from './decide.js';
import type { DestinationEvent } from './events.js';
import { type DestinationState, evolve, initialState } from './state.js';

export const DESTINATION = 'destination';

export const destinationDecider: Decider<DestinationState, DestinationCommand, DestinationEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './decide.js';
export * from './events.js';
export * from './files.js';
export * from './state.js';
