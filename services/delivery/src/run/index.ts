import type { Decider } from '@waybill/kernel';
import { decide, type RunCommand } from './decide.js';
import type { RunEvent } from './events.js';
import { evolve, initialState, type RunState } from './state.js';

export const RUN = 'run';

export const runDecider: Decider<RunState, RunCommand, RunEvent> = { initialState, decide, evolve };

export * from './decide.js';
export * from './events.js';
export * from './names.js';
export * from './plan.js';
export * from './state.js';
export * from './tally.js';
export * from './view.js';
