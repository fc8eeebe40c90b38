import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommandContext,
  type CommandOutcome,
  type DomainEvent,
  idOf,
  isWaybillError,
  WaybillError,
} from '@waybill/kernel';
import { toNewEvents } from './new-events.js';
import type { EventStore } from './port.js';
import { readSlices, type StreamType, upcast } from './stream-type.js';

export interface Handled<State, Event extends DomainEvent> extends CommandOutcome {
  /** As it was right after the events. */
  readonly state: State;
  /** What came of the command, now or when it was handled before; none when it changed nothing. */
  readonly events: readonly Event[];
}

const TRIES = 3;
const PAUSE_MS = 50;

/** A log that took so long to say that it does not know has tried again by itself, and the caller has waited enough. */
const PATIENCE_MS = 5_000;

/**
 * Reads, folds, decides, appends with the revision that was read. Somebody else's append in between repeats all of it, at
 * most three times in all; so does an append whose outcome stayed unknown, unless it took long: its events carry the same
 * ids, so they are found in the stream or taken once.
 *
 * Errors besides the decider's own and the store's: `version-mismatch` (version-conflict: the caller named a revision and
 * the stream is at another), `stream-busy` (unavailable: three times somebody else was faster), `not-found` (not-found:
 * the stream is of another tenant or sandbox).
 */
export const handleCommand = async <State, Command, Event extends DomainEvent>(
  store: EventStore,
  type: StreamType<State, Command, Event>,
  stream: string,
  command: Command,
  context: CommandContext,
): Promise<Handled<State, Event>> => {
  const started = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await handleOnce(store, type, stream, command, context);
    } catch (error) {
      const slug = isWaybillError(error) ? error.slug : undefined;
      if (slug !== 'revision-conflict' && slug !== 'outcome-unknown') throw error;
      const isLong = slug === 'outcome-unknown' && performance.now() - started > PATIENCE_MS;
      if (attempt === TRIES || isLong) throw slug === 'outcome-unknown' ? error : streamBusy(error);
      await sleep(PAUSE_MS * attempt * (0.5 + Math.random()));
    }
  }
};

const handleOnce = async <State, Command, Event extends DomainEvent>(
  store: EventStore,
  type: StreamType<State, Command, Event>,
  stream: string,
  command: Command,
  context: CommandContext,
): Promise<Handled<State, Event>> => {
  const { decider } = type;
  const id = idOf(stream);

  // 1. Fold the stream; a command that is in it already has its outcome.
  let state = decider.initialState;
  let revision = -1;
  let position = store.start;
  let end = -1;
  let earlier: Handled<State, Event> | undefined;
  for await (const slice of readSlices(store, stream)) {
    for (const stored of slice.events) {
      const event = upcast<Event>(type.upcasters, stored);
      if (event.metadata.tenant !== context.tenant || event.metadata.sandbox !== context.sandbox) throw notFound();
      state = decider.evolve(state, event as unknown as Event);
      ({ revision, position } = event);
      if (event.metadata.causationId === context.commandId) {
        const events = [...(earlier?.events ?? []), { type: event.type, data: event.data } as Event];
        earlier = { id, state, events, revision, position };
      }
    }
    end = Math.max(revision, slice.lastRevision);
  }
  if (earlier) return earlier;
  if (context.expectedRevision !== undefined && context.expectedRevision !== revision) {
    throw versionMismatch(context.expectedRevision, revision);
  }

  // 2. Decide.
  const events = decider.decide(command, state);
  if (events.length === 0) return { id, state, events, revision, position };

  // 3. Append where the stream ends: behind the last event that was folded there may be what others wrote into it.
  const expected = end === -1 ? 'no-stream' : end;
  const appended = await store.append(stream, toNewEvents(stream, events, context), { expected });
  for (const event of events) state = decider.evolve(state, event);
  return { id, state, events, revision: appended.revision, position: appended.position };
};

const notFound = (): WaybillError => new WaybillError('not-found', 'not-found', 'There is no such thing here.');

const versionMismatch = (expected: number, actual: number): WaybillError =>
  new WaybillError(
    'version-mismatch',
    'version-conflict',
    actual === -1
      ? `You named revision ${expected}, and there is nothing here yet.`
      : `You saw revision ${expected}; it is at revision ${actual} by now. Read it again and decide anew.`,
  );

const streamBusy = (cause: unknown): WaybillError =>
  new WaybillError(
    'stream-busy',
    'unavailable',
    'Too many changes of this thing at the same time; repeat the command.',
    {
      retryAfterSeconds: 1,
      cause,
    },
  );
