import streams, { type ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { filterOf } from './filter.js';
import { eventAnswer, resolveLink } from './links.js';
import type { EventLog } from './log.js';
import type { StoredEvent } from './stored.js';
import { send } from './send.js';
import { invalid, streamDeleted } from './status.js';
import { identifierOf, nameOf } from './wire.js';

const BACKWARDS = 1;

/** A part of `Streams/Read`: so many events of a stream or of `$all`, and no more. */
export const readPage = async (
  call: ServerWritableStream<ReadReq, ReadResp>,
  log: EventLog,
  options: ReadReq.Options,
  signal: AbortSignal,
): Promise<void> => {
  let left = BigInt(options.getCount());
  if (left <= 0n) throw invalid('A read asks for at least one event.');
  const all = options.getAll();
  const found = all ? eventsOfAll(log, options, all) : eventsOfStream(log, options);
  if (!found) {
    const missing = identifierOf(nameOf(options.getStream()?.getStreamIdentifier()));
    const answer = new streams.ReadResp.StreamNotFound().setStreamIdentifier(missing);
    await send(call, new streams.ReadResp().setStreamNotFound(answer), signal);
    return;
  }
  const { matches } = filterOf(options);
  for (const event of found) {
    if (left === 0n || signal.aborted) return;
    if (!matches(event)) continue;
    left -= 1n;
    await send(call, eventAnswer(resolveLink(log, event, options.getResolveLinks())), signal);
  }
};

const isBackwards = (options: ReadReq.Options): boolean => (options.getReadDirection() as number) === BACKWARDS;

/** From a revision, inclusive; undefined where there is no stream. */
const eventsOfStream = (log: EventLog, options: ReadReq.Options): Iterable<StoredEvent> | undefined => {
  const stream = options.getStream();
  const name = nameOf(stream?.getStreamIdentifier());
  if (log.stream(name)?.tombstone) throw streamDeleted(name);
  const events = log.visible(name);
  if (!events) return undefined;
  if (isBackwards(options)) {
    const last = stream?.hasEnd() ? undefined : BigInt(stream?.getRevision() ?? 0);
    return events.filter(({ revision }) => last === undefined || revision <= last).reverse();
  }
  if (stream?.hasEnd()) throw invalid('Nothing is read forwards from the end.');
  const first = BigInt(stream?.hasRevision() ? stream.getRevision() : 0);
  return events.filter(({ revision }) => revision >= first);
};

/** From a position: forwards with the event that is there, backwards with the one before it. */
function* eventsOfAll(log: EventLog, options: ReadReq.Options, all: ReadReq.Options.AllOptions): Iterable<StoredEvent> {
  const { events } = log;
  const position = all.getPosition();
  const at = position && indexOfPosition(events, BigInt(position.getCommitPosition()));
  if (isBackwards(options)) {
    const from = at ?? (all.hasEnd() ? events.length : 0);
    for (let index = from - 1; index >= 0; index -= 1) yield events[index] as StoredEvent;
  } else {
    const from = at ?? (all.hasEnd() ? events.length : 0);
    for (let index = from; index < events.length; index += 1) yield events[index] as StoredEvent;
  }
}

/** A position is one that an event has; between two of them there is nothing to read. */
export const indexOfPosition = (events: readonly StoredEvent[], position: bigint): number => {
  let low = 0;
  let high = events.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as StoredEvent).position < position) low = middle + 1;
    else high = middle;
  }
  if (events[low]?.position === position) return low;
  throw invalid(`There is no event at position ${position}.`);
};
