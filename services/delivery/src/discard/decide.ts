import type { DiscardEvent } from './events.js';
import type { DiscardState } from './state.js';

export type DiscardCommand = { readonly type: 'DiscardDeadLetters' } & DiscardEvent['data'];

/** Sent again, it discards nothing more. */
export const decide = ({ type: _, ...data }: DiscardCommand, state: DiscardState): readonly DiscardEvent[] =>
  state.status === 'none' ? [{ type: 'DeadLettersDiscarded', data }] : [];
