import type { DomainEvent } from '@waybill/kernel';
import type { MarketingAction } from './core.js';

/** A destination that states the action, or would if its request were accepted. */
export interface Use {
  readonly destinationId: string;
  readonly name: string;
}

export type MarketingActionEvent =
  | DomainEvent<'MarketingActionDefined', MarketingAction>
  | DomainEvent<'MarketingActionRevised', MarketingAction>
  | DomainEvent<'MarketingActionRemovalRequested', { readonly name: string }>
  | DomainEvent<'MarketingActionRemovalRefused', { readonly name: string; readonly uses: readonly Use[] }>
  | DomainEvent<'MarketingActionRemoved', { readonly name: string }>;
