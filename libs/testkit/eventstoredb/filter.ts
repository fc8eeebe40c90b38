import type { ReadReq } from '@eventstore/db-client/generated/streams_pb.js';
import type { StoredEvent } from './stored.js';

export interface Filter {
  matches(event: StoredEvent): boolean;
  /** Events looked at from one checkpoint of a subscription to the next; undefined where none are sent. */
  readonly checkpointEvery: number | undefined;
}

/** How many events a subscription looks at in one go, unless its filter says otherwise. */
const DEFAULT_WINDOW = 32;

/** By stream name or by event type; by prefixes or by a regular expression. */
export const filterOf = (options: ReadReq.Options): Filter => {
  const filter = options.getFilter();
  if (!filter) return { matches: () => true, checkpointEvery: undefined };
  const byType = filter.getEventType();
  const expression = byType ?? filter.getStreamIdentifier();
  const prefixes = expression?.getPrefixList() ?? [];
  const pattern = new RegExp(expression?.getRegex() ?? '');
  const window = filter.hasMax() ? filter.getMax() : DEFAULT_WINDOW;
  return {
    matches: ({ type, stream }) => {
      const text = byType ? type : stream;
      return prefixes.length > 0 ? prefixes.some((prefix) => text.startsWith(prefix)) : pattern.test(text);
    },
    checkpointEvery: window * Math.max(filter.getCheckpointintervalmultiplier(), 1),
  };
};
