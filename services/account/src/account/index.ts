import type { Decider } from '@waybill/kernel';
import { type AccountCommand, decide } from './decide.js';
import type { AccountEvent } from './events.js';
import { type AccountState, evolve, initialState } from './state.js';

export const ACCOUNT = 'account';

export const accountDecider: Decider<AccountState, AccountCommand, AccountEvent> = { initialState, decide, evolve };

export * from './decide.js';
export * from './events.js';
export * from './state.js';
