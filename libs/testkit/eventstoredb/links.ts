import streams, { type ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { EventLog } from './log.js';
import type { StoredEvent } from './stored.js';
import { fillRecorded } from './wire.js';

export interface ResolvedEvent {
  /** Absent where a link leads to what is deleted. */
  readonly event?: StoredEvent | undefined;
  readonly link?: StoredEvent;
}

const LINK = '$>';

/** What a link (`revision@stream`) leads to; any other event is itself. */
export const resolveLink = (log: EventLog, event: StoredEvent, resolve: boolean): ResolvedEvent => {
  if (!resolve || event.type !== LINK) return { event };
  const [, revision, stream = ''] = /^(\d+)@(.*)$/s.exec(Buffer.from(event.data).toString()) ?? [];
  const target = log.visible(stream)?.find((candidate) => String(candidate.revision) === revision);
  return { event: target, link: event };
};

export const eventAnswer = ({ event, link }: ResolvedEvent): ReadResp => {
  const { ReadEvent } = streams.ReadResp;
  const read = new ReadEvent();
  if (event) read.setEvent(fillRecorded(new ReadEvent.RecordedEvent(), event));
  if (link) read.setLink(fillRecorded(new ReadEvent.RecordedEvent(), link));
  const place = link ?? event;
  if (place) read.setCommitPosition(String(place.position));
  return new streams.ReadResp().setEvent(read);
};
