import { specOf } from '@waybill/event-store/decider-spec';
import { fold } from '@waybill/kernel';
import fc from 'fast-check';
import {
  CORE_MARKETING_ACTIONS,
  type MarketingActionCommand,
  marketingActionDecider,
  type MarketingActionEvent,
} from './index.js';

const action = { name: 'loyaltyProgram', friendlyName: 'Loyalty programme', description: 'Points and offers.' };
const { name } = action;
const defined: MarketingActionEvent = { type: 'MarketingActionDefined', data: action };
const removalRequested: MarketingActionEvent = { type: 'MarketingActionRemovalRequested', data: { name } };
const removed: MarketingActionEvent = { type: 'MarketingActionRemoved', data: { name } };

const after = (...events: readonly MarketingActionEvent[]) => fold(marketingActionDecider, events);
const given = specOf(marketingActionDecider);
const decide = (events: readonly MarketingActionEvent[], command: MarketingActionCommand) =>
  marketingActionDecider.decide(command, fold(marketingActionDecider, events));
const commands = (name: string): MarketingActionCommand[] => [
  { type: 'DefineMarketingAction', ...action, name },
  { type: 'ReviseMarketingAction', name, description: 'x' },
  { type: 'RequestMarketingActionRemoval', name },
  { type: 'SettleMarketingActionRemoval', name, uses: [] },
];

describe('The core marketing actions', () => {
  it('are ten', () => {
    expect(new Set(CORE_MARKETING_ACTIONS.map(({ name }) => name)).size).toBe(10);
  });

  it.each(['emailTargeting', 'EMAILTARGETING'])('%s takes no command', (core) => {
    for (const command of commands(core)) given([]).when(command).thenRefuses('marketing-action-core');
  });
});

describe('A marketing action of the tenant', () => {
  it('is defined once', () => {
    given([])
      .when({ type: 'DefineMarketingAction', ...action })
      .then([defined]);
    given([defined])
      .when({ type: 'DefineMarketingAction', ...action })
      .thenRefuses('marketing-action-exists');
  });

  it('is revised where something is new', () => {
    given([defined])
      .when({ type: 'ReviseMarketingAction', name, description: 'Only points.' })
      .then([{ type: 'MarketingActionRevised', data: { ...action, description: 'Only points.' } }]);
    given([defined])
      .when({ type: 'ReviseMarketingAction', ...action })
      .thenNothing();
  });

  it('that does not exist cannot be changed or removed', () => {
    for (const command of commands(name).slice(1, 3)) given([]).when(command).thenRefuses('marketing-action-not-found');
  });
});

describe('A marketing action to be removed', () => {
  it('is closed to new uses first', () => {
    given([defined]).when({ type: 'RequestMarketingActionRemoval', name }).then([removalRequested]);
    expect(after(defined, removalRequested)).toMatchObject({ status: 'removing', action });
    given([defined, removalRequested]).when({ type: 'RequestMarketingActionRemoval', name }).thenNothing();
  });

  it('goes when nobody states it, and can be defined anew', () => {
    given([defined, removalRequested]).when({ type: 'SettleMarketingActionRemoval', name, uses: [] }).then([removed]);
    given([defined, removalRequested, removed])
      .when({ type: 'DefineMarketingAction', ...action })
      .then([defined]);
  });

  it('stays when a destination states it', () => {
    const uses = [{ destinationId: 'd', name: 'Inbox' }];
    const events = decide([defined, removalRequested], { type: 'SettleMarketingActionRemoval', name, uses });
    expect(events).toEqual([{ type: 'MarketingActionRemovalRefused', data: { name, uses } }]);
    expect(after(defined, removalRequested, ...events)).toEqual({ status: 'defined', action, refusedFor: uses });
  });

  it('is not settled without a request, and not changed meanwhile', () => {
    given([defined]).when({ type: 'SettleMarketingActionRemoval', name, uses: [] }).thenNothing();
    given([defined, removalRequested])
      .when({ type: 'ReviseMarketingAction', name, description: 'x' })
      .thenRefuses('marketing-action-being-removed');
  });
});

it('No order of events makes evolve throw', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(defined, removalRequested, removed)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
