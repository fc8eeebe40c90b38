import type { Decider } from '@waybill/kernel';
import { decide, type StreamRunCommand } from './decide.js';
import type { StreamRunEvent } from './events.js';
import { evolve, initialState, type StreamRunState } from './state.js';

export const STREAM_RUN = 'streamrun';

export const streamRunDecider: Decider<StreamRunState, StreamRunCommand, StreamRunEvent> = {
  initialState,
  decide,
  evolve,
};

export * from './decide.js';
export * from './events.js';
export * from './state.js';
