import { type EventStore, readEvents, type StreamType } from '@waybill/event-store';
import type { DomainEvent, RecordedEvent } from '@waybill/kernel';

export interface LoadedStream<State> {
  readonly state: State;
  /** -1 when the stream has no events. */
  readonly revision: number;
  readonly first: RecordedEvent | undefined;
  readonly last: RecordedEvent | undefined;
}

/** Folds a stream, up to and including a revision when one is given. */
export const loadStream = async <State, Command, Event extends DomainEvent>(
  store: EventStore,
  type: StreamType<State, Command, Event>,
  stream: string,
  { upTo = Infinity }: { readonly upTo?: number } = {},
): Promise<LoadedStream<State>> => {
  let state = type.decider.initialState;
  let first: RecordedEvent | undefined;
  let last: RecordedEvent | undefined;
  for await (const event of readEvents(store, type, stream)) {
    if (event.revision > upTo) break;
    state = type.decider.evolve(state, event as unknown as Event);
    first ??= event;
    last = event;
  }
  return { state, revision: last?.revision ?? -1, first, last };
};
