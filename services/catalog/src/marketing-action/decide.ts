import { WaybillError } from '@waybill/kernel';
import { isCore, type MarketingAction } from './core.js';
import type { MarketingActionEvent, Use } from './events.js';
import type { MarketingActionState } from './state.js';

export interface DefineMarketingAction extends MarketingAction {
  readonly type: 'DefineMarketingAction';
}
/** What is left out stays. */
export interface ReviseMarketingAction {
  readonly type: 'ReviseMarketingAction';
  readonly name: string;
  readonly friendlyName?: string;
  readonly description?: string;
}
/** From here on nobody new may state it; then ask who does, and settle. */
export interface RequestMarketingActionRemoval {
  readonly type: 'RequestMarketingActionRemoval';
  readonly name: string;
}
export interface SettleMarketingActionRemoval {
  readonly type: 'SettleMarketingActionRemoval';
  readonly name: string;
  /** Asked for after the request was recorded. */
  readonly uses: readonly Use[];
}
export type MarketingActionCommand =
  DefineMarketingAction | ReviseMarketingAction | RequestMarketingActionRemoval | SettleMarketingActionRemoval;

export const marketingActionInUse = (name: string, uses: readonly Use[]): WaybillError =>
  new WaybillError(
    'marketing-action-in-use',
    'conflict',
    `The marketing action "${name}" is stated by ${uses.map((use) => `"${use.name}"`).join(', ')}. Change these destinations first.`,
    { extra: { destinations: uses.map((use) => ({ id: use.destinationId, name: use.name })) } },
  );

const refuseCore = (name: string): void => {
  if (isCore(name)) {
    throw new WaybillError(
      'marketing-action-core',
      'conflict',
      `"${name}" is a core marketing action, which is the same for everybody and cannot be defined, changed or removed.`,
    );
  }
};

const defined = (name: string, state: MarketingActionState): MarketingAction => {
  if (state.status === 'defined') return state.action;
  if (state.status === 'removing') {
    throw new WaybillError(
      'marketing-action-being-removed',
      'conflict',
      `The marketing action "${name}" is being removed. Wait for the outcome, then try again.`,
    );
  }
  throw new WaybillError('marketing-action-not-found', 'not-found', `There is no marketing action "${name}".`);
};

const define = ({ name, friendlyName, description }: DefineMarketingAction, state: MarketingActionState) => {
  if (state.status !== 'none') {
    throw new WaybillError(
      'marketing-action-exists',
      'conflict',
      `There is a marketing action "${name}" already. Change that one, or take another name.`,
    );
  }
  return [{ type: 'MarketingActionDefined', data: { name, friendlyName, description } }] as const;
};

const revise = (command: ReviseMarketingAction, state: MarketingActionState) => {
  const action = defined(command.name, state);
  const { friendlyName = action.friendlyName, description = action.description } = command;
  if (friendlyName === action.friendlyName && description === action.description) return [];
  return [{ type: 'MarketingActionRevised', data: { name: action.name, friendlyName, description } }] as const;
};

const requestRemoval = ({ name }: RequestMarketingActionRemoval, state: MarketingActionState) => {
  if (state.status === 'removing') return [];
  defined(name, state);
  return [{ type: 'MarketingActionRemovalRequested', data: { name } }] as const;
};

const settleRemoval = ({ name, uses }: SettleMarketingActionRemoval, state: MarketingActionState) => {
  if (state.status !== 'removing') return [];
  return uses.length > 0
    ? ([{ type: 'MarketingActionRemovalRefused', data: { name, uses } }] as const)
    : ([{ type: 'MarketingActionRemoved', data: { name } }] as const);
};

export const decide = (
  command: MarketingActionCommand,
  state: MarketingActionState,
): readonly MarketingActionEvent[] => {
  refuseCore(command.name);
  switch (command.type) {
    case 'DefineMarketingAction':
      return define(command, state);
    case 'ReviseMarketingAction':
      return revise(command, state);
    case 'RequestMarketingActionRemoval':
      return requestRemoval(command, state);
    case 'SettleMarketingActionRemoval':
      return settleRemoval(command, state);
  }
};
