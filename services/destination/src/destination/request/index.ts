import type { Decider } from '@waybill/kernel';
import { decide, type DestinationRequestCommand } from './decide.js';
import type { DestinationRequestEvent } from './events.js';
import { type DestinationRequestState, evolve, initialState } from './state.js';

export const DESTINATION_REQUEST = 'destination_request';

export const destinationRequestDecider: Decider<
  DestinationRequestState,
  DestinationRequestCommand,
  DestinationRequestEvent
> = { initialState, decide, evolve };

export * from './decide.js';
export * from './events.js';
export * from './state.js';
