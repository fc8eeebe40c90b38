import assert from 'node:assert/strict';
import { type Decider, type DomainEvent, fold, isWaybillError, type WaybillError } from '@waybill/kernel';

export interface Given<Command, Event> {
  when(command: Command): When<Event>;
}

export interface When<Event> {
  /** Exactly these events, in this order. */
  then(events: readonly Event[]): void;
  /** Refused with this slug; answers the error for further looks. */
  thenRefuses(slug: string): WaybillError;
  thenNothing(): void;
}

/**
 * A decider's rules as data: `const given = specOf(decider)`, then `given(events).when(command).then(events)`.
 * On the way it also holds the decider to its own rules: states, commands and events are frozen, so that changing one in
 * place throws, and `evolve` takes every event in every state.
 */
export const specOf =
  <State, Command, Event extends DomainEvent>(decider: Decider<State, Command, Event>) =>
  (events: readonly Event[]): Given<Command, Event> => ({
    when: (command) => {
      const state = fold(frozen(decider), freeze(events));
      const decided = attempt(() => decider.decide(freeze(command), state));
      evolveTakes(decider, [...events, ...(decided.events ?? [])]);

      const decidedEvents = (): readonly Event[] => {
        if (decided.error !== undefined) throw decided.error;
        return decided.events;
      };
      return {
        then: (expected) => assert.deepEqual(decidedEvents(), expected),
        thenNothing: () => assert.deepEqual(decidedEvents(), []),
        thenRefuses: (slug) => {
          const { error } = decided;
          if (error === undefined) assert.fail(`expected a refusal (${slug}), got ${JSON.stringify(decided.events)}`);
          if (!isWaybillError(error)) throw error;
          assert.equal(error.slug, slug, `${error.slug}: ${error.message}`);
          return error;
        },
      };
    },
  });

const frozen = <State, Event extends DomainEvent>(decider: Decider<State, never, Event>) => ({
  initialState: freeze(decider.initialState),
  evolve: (state: State, event: Event) => freeze(decider.evolve(state, event)),
});

const freeze = <T>(value: T): T => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(freeze);
  return value;
};

type Decided<Event> =
  | { readonly events: readonly Event[]; readonly error?: undefined }
  | { readonly events?: undefined; readonly error: Error };

const attempt = <Event>(decide: () => readonly Event[]): Decided<Event> => {
  try {
    return { events: freeze(decide()) };
  } catch (error) {
    return { error: error as Error };
  }
};

const evolveTakes = <State, Event extends DomainEvent>(
  decider: Decider<State, never, Event>,
  events: readonly Event[],
): void => {
  const states = events.reduce(
    (reached, event) => [...reached, freeze(decider.evolve(reached.at(-1) as State, event))],
    [decider.initialState],
  );
  for (const state of states) {
    for (const event of events) {
      assert.doesNotThrow(
        () => decider.evolve(state, event),
        `evolve threw at ${event.type} in the state ${JSON.stringify(state)}`,
      );
    }
  }
};
