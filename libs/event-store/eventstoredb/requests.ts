// The messages of the protocol, as far as we send them. 64-bit numbers travel as decimal text.
import shared, { type StreamIdentifier } from '@eventstore/db-client/generated/shared_pb.js';
import streams, { type AppendReq, type ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { EncodedEvent } from '../new-events.js';
import type { ExpectedRevision, Position } from '../port.js';

const FORWARDS = 0;
const BACKWARDS = 1;

const identifierOf = (stream: string): StreamIdentifier =>
  new shared.StreamIdentifier().setStreamName(Buffer.from(stream, 'utf8'));

/** The messages of one append, in order. */
export const appendRequests = (
  stream: string,
  expected: ExpectedRevision,
  events: readonly EncodedEvent[],
): readonly AppendReq[] => {
  const options = new streams.AppendReq.Options().setStreamIdentifier(identifierOf(stream));
  if (expected === 'no-stream') options.setNoStream(new shared.Empty());
  else options.setRevision(String(expected));
  return [new streams.AppendReq().setOptions(options), ...events.map(proposalOf)];
};

const proposalOf = ({ id, type, data, metadata }: EncodedEvent): AppendReq => {
  const message = new streams.AppendReq.ProposedMessage()
    .setId(new shared.UUID().setString(id))
    .setData(Buffer.from(data))
    .setCustomMetadata(Buffer.from(metadata));
  message.getMetadataMap().set('type', type).set('content-type', 'application/json');
  return new streams.AppendReq().setProposedMessage(message);
};

/** So many events of a stream, from a revision, or from its last one backwards. */
export const streamRequest = (
  stream: string,
  from: number | 'last',
  count: number,
  direction: 'forwards' | 'backwards',
): ReadReq => {
  const place = new streams.ReadReq.Options.StreamOptions().setStreamIdentifier(identifierOf(stream));
  if (from === 'last') place.setEnd(new shared.Empty());
  else place.setRevision(String(from));
  return readRequest((options) => options.setStream(place).setCount(String(count)), direction);
};

/** The last event there is, of whatever kind. */
export const headRequest = (): ReadReq => {
  const place = new streams.ReadReq.Options.AllOptions().setEnd(new shared.Empty());
  return readRequest((options) => options.setAll(place).setCount('1'), 'backwards');
};

/** Which events of `$all`: by the beginnings of their stream's name, or all but system events. */
export type LogFilter = { readonly prefixes: readonly string[] } | 'no-system-events';

/** So many events of `$all`, the one at the position first. */
export const logRequest = (
  from: Position | 'start',
  count: number,
  filter: Exclude<LogFilter, string> | 'all',
): ReadReq =>
  readRequest((options) => {
    options.setAll(placeOf(from)).setCount(String(count));
    return filter === 'all' ? options : options.setFilter(filterOf(filter));
  });

/** All events of `$all` after a position, and those to come. */
export const subscriptionRequest = (after: Position | 'start' | 'end', filter: LogFilter): ReadReq =>
  readRequest((options) =>
    options
      .setAll(placeOf(after))
      .setFilter(filterOf(filter))
      .setSubscription(new streams.ReadReq.Options.SubscriptionOptions()),
  );

const readRequest = (
  fill: (options: ReadReq.Options) => ReadReq.Options,
  direction: 'forwards' | 'backwards' = 'forwards',
): ReadReq => {
  const options = new streams.ReadReq.Options()
    .setReadDirection(direction === 'forwards' ? FORWARDS : BACKWARDS)
    .setResolveLinks(false)
    .setUuidOption(new streams.ReadReq.Options.UUIDOption().setString(new shared.Empty()))
    .setNoFilter(new shared.Empty());
  return new streams.ReadReq().setOptions(fill(options));
};

const placeOf = (at: Position | 'start' | 'end'): ReadReq.Options.AllOptions => {
  const place = new streams.ReadReq.Options.AllOptions();
  if (at === 'start') return place.setStart(new shared.Empty());
  if (at === 'end') return place.setEnd(new shared.Empty());
  return place.setPosition(new streams.ReadReq.Options.Position().setCommitPosition(at).setPreparePosition(at));
};

/** Events that a server looks at between two checkpoints of a subscription. */
const WINDOW = 512;

const NO_SYSTEM_EVENTS = '^[^$]';

const filterOf = (filter: LogFilter): ReadReq.Options.FilterOptions => {
  const { FilterOptions } = streams.ReadReq.Options;
  const options = new FilterOptions().setMax(WINDOW).setCheckpointintervalmultiplier(1);
  return filter === 'no-system-events'
    ? options.setEventType(new FilterOptions.Expression().setRegex(NO_SYSTEM_EVENTS))
    : options.setStreamIdentifier(new FilterOptions.Expression().setPrefixList([...filter.prefixes]));
};
