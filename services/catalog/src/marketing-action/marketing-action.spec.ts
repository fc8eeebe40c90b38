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
const given = (...events: readonly MarketingActionEvent[]) => ({
  when: (command: MarketingActionCommand) => marketingActionDecider.decide(command, after(...events)),
});
const refusal = (slug: string, kind: string) => expect.objectContaining({ slug, kind }) as Error;
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
    for (const command of commands(core))
      expect(() => given().when(command)).toThrow(refusal('marketing-action-core', 'conflict'));
  });
});

describe('A marketing action of the tenant', () => {
  it('is defined once', () => {
    expect(given().when({ type: 'DefineMarketingAction', ...action })).toEqual([defined]);
    expect(() => given(defined).when({ type: 'DefineMarketingAction', ...action })).toThrow(
      refusal('marketing-action-exists', 'conflict'),
    );
  });

  it('is revised where something is new', () => {
    expect(given(defined).when({ type: 'ReviseMarketingAction', name, description: 'Only points.' })).toEqual([
      { type: 'MarketingActionRevised', data: { ...action, description: 'Only points.' } },
    ]);
    expect(given(defined).when({ type: 'ReviseMarketingAction', ...action })).toEqual([]);
  });

  it('that does not exist cannot be changed or removed', () => {
    const [, revise, remove] = commands(name);
    for (const command of [revise, remove]) {
      expect(() => command && given().when(command)).toThrow(refusal('marketing-action-not-found', 'not-found'));
    }
  });
});

describe('A marketing action to be removed', () => {
  it('is closed to new uses first', () => {
    expect(given(defined).when({ type: 'RequestMarketingActionRemoval', name })).toEqual([removalRequested]);
    expect(after(defined, removalRequested)).toEqual({ status: 'removing', action });
    expect(given(defined, removalRequested).when({ type: 'RequestMarketingActionRemoval', name })).toEqual([]);
  });

  it('goes when nobody states it, and can be defined anew', () => {
    expect(given(defined, removalRequested).when({ type: 'SettleMarketingActionRemoval', name, uses: [] })).toEqual([
      removed,
    ]);
    expect(given(defined, removalRequested, removed).when({ type: 'DefineMarketingAction', ...action })).toEqual([
      defined,
    ]);
  });

  it('stays when a destination states it', () => {
    const uses = [{ destinationId: 'd', name: 'Inbox' }];
    const events = given(defined, removalRequested).when({ type: 'SettleMarketingActionRemoval', name, uses });
    expect(events).toEqual([{ type: 'MarketingActionRemovalRefused', data: { name, uses } }]);
    expect(after(defined, removalRequested, ...events)).toEqual({ status: 'defined', action });
  });

  it('is not settled without a request, and not changed meanwhile', () => {
    expect(given(defined).when({ type: 'SettleMarketingActionRemoval', name, uses: [] })).toEqual([]);
    expect(() =>
      given(defined, removalRequested).when({ type: 'ReviseMarketingAction', name, description: 'x' }),
    ).toThrow(refusal('marketing-action-being-removed', 'conflict'));
  });
});

it('No order of events makes evolve throw', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(defined, removalRequested, removed)), (history) => {
      expect(after(...history).status).toBeDefined();
    }),
  );
});
