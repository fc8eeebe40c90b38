import type { DiscardEvent } from './events.js';

export type Discard = { readonly status: 'discarded' } & DiscardEvent['data'];

export type DiscardState = { readonly status: 'none' } | Discard;

export const initialState: DiscardState = { status: 'none' };

export const evolve = (_: DiscardState, { data }: DiscardEvent): DiscardState => ({ status: 'discarded', ...data });
