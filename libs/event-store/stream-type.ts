import type { Decider, DomainEvent, EventMetadata, RecordedEvent } from '@waybill/kernel';
import type { EventStore, StreamSlice } from './port.js';

/** Turns one stored shape of an event into a later one. Pure: it sees the event and nothing else. */
export type Upcaster = (data: object, metadata: EventMetadata) => DomainEvent;

/** By the stored type they take. They are chained: `A` → `A.v2` → `A.v3`. */
export type Upcasters = Readonly<Record<string, Upcaster>>;

/** Everything there is to know about one kind of stream. */
export interface StreamType<State, Command, Event extends DomainEvent> {
  /** The part of the stream's name before the first `-`. */
  readonly category: string;
  readonly decider: Decider<State, Command, Event>;
  readonly upcasters?: Upcasters;
}

/** The event in its newest shape; what was stored stays as it was. */
export const upcast = <Event extends DomainEvent>(
  upcasters: Upcasters | undefined,
  event: RecordedEvent,
): RecordedEvent<Event> => {
  let current = event;
  while (upcasters && Object.hasOwn(upcasters, current.type)) {
    const { type, data } = (upcasters[current.type] as Upcaster)(current.data, current.metadata);
    if (type === current.type) throw new Error(`the upcaster of ${type} answers its own type and would run for ever`);
    current = { ...current, type, data };
  }
  return current as RecordedEvent<Event>;
};

/** All pages of a stream. The last one's `lastRevision` is where the stream ends, whoever wrote what stands there. */
export async function* readSlices(store: EventStore, stream: string): AsyncGenerator<StreamSlice> {
  for (let from = 0; ;) {
    const slice = await store.readStream(stream, { from });
    yield slice;
    from = (slice.events.at(-1)?.revision ?? slice.lastRevision) + 1;
    if (from > slice.lastRevision) return;
  }
}

/** All events of a stream, in their newest shape, page by page. */
export async function* readEvents<Event extends DomainEvent>(
  store: EventStore,
  { upcasters }: { readonly upcasters?: Upcasters },
  stream: string,
): AsyncGenerator<RecordedEvent<Event>> {
  for await (const { events } of readSlices(store, stream)) {
    for (const event of events) yield upcast<Event>(upcasters, event);
  }
}

/** A stream as it stands, or stood. */
export interface LoadedStream<State, Event extends DomainEvent> {
  readonly state: State;
  /** -1 when it has no events. */
  readonly revision: number;
  readonly first?: RecordedEvent<Event>;
  readonly last?: RecordedEvent<Event>;
}

export const loadStream = async <State, Command, Event extends DomainEvent>(
  store: EventStore,
  type: StreamType<State, Command, Event>,
  stream: string,
  /** The last revision to look at; all when left out. */
  { upTo = Infinity }: { readonly upTo?: number } = {},
): Promise<LoadedStream<State, Event>> => {
  let loaded: LoadedStream<State, Event> = { state: type.decider.initialState, revision: -1 };
  for await (const event of readEvents<Event>(store, type, stream)) {
    if (event.revision > upTo) break;
    const state = type.decider.evolve(loaded.state, event as unknown as Event);
    loaded = { state, revision: event.revision, first: loaded.first ?? event, last: event };
  }
  return loaded;
};
