import type { DomainEvent } from './event.js';

/**
 * A stream type as three pure members (the decider pattern).
 * `decide` answers the events that follow from a command, or throws a WaybillError; no events means nothing happened.
 * `evolve` is total: an event that does not fit the state returns the state unchanged.
 */
export interface Decider<State, Command, Event extends DomainEvent> {
  readonly initialState: State;
  decide(command: Command, state: State): readonly Event[];
  evolve(state: State, event: Event): State;
}

export const fold = <State, Event extends DomainEvent>(
  decider: Pick<Decider<State, never, Event>, 'initialState' | 'evolve'>,
  events: Iterable<Event>,
  from: State = decider.initialState,
): State => {
  let state = from;
  for (const event of events) state = decider.evolve(state, event);
  return state;
};

/** Makes a missing case of a switch a compile error; at run time it is reached only by data from a newer version. */
export const unreachable = <T>(value: never, otherwise: T): T => {
  void value;
  return otherwise;
};
