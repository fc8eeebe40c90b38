import type { Decider } from '@waybill/kernel';
import { decide, type DestinationTypeCommand } from './decide.js';
import type { DestinationTypeEvent } from './events.js';
import { type DestinationTypeState, evolve, initialState } from './state.js';

/** One stream per type, for all tenants. */
export const DESTINATION_TYPE = 'destination_type';

export const destinationTypeDecider: Decider<DestinationTypeState, DestinationTypeCommand, DestinationTypeEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './decide.js';
export * from './events.js';
export * from './state.js';
