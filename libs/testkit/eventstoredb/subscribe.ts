import { randomUUID } from 'node:crypto';
import streams, { type ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import type { ServerWritableStream } from '@grpc/grpc-js';
import { filterOf } from './filter.js';
import { eventAnswer, resolveLink } from './links.js';
import type { EventLog } from './log.js';
import type { StoredEvent } from './stored.js';
import { indexOfPosition } from './read.js';
import { send } from './send.js';
import { streamDeleted } from './status.js';
import { nameOf } from './wire.js';

/** A part of `Streams/Read`: the history after a revision or position, then what comes, until the client leaves. */
export const subscribe = async (
  call: ServerWritableStream<ReadReq, ReadResp>,
  log: EventLog,
  options: ReadReq.Options,
  signal: AbortSignal,
): Promise<void> => {
  const all = options.getAll();
  const source = all ? sourceOfAll(log, all) : sourceOfStream(log, options);
  const { matches, checkpointEvery } = filterOf(options);
  const answer = (message: ReadResp): Promise<void> => send(call, message, signal);

  const confirmation = new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
  await answer(new streams.ReadResp().setConfirmation(confirmation));
  let scanned = 0;
  let caughtUp = false;
  while (!signal.aborted) {
    const seen = log.events.length;
    for (let event = source.next(); event && !signal.aborted; event = source.next()) {
      if (matches(event)) await answer(eventAnswer(resolveLink(log, event, options.getResolveLinks())));
      scanned += 1;
      if (checkpointEvery !== undefined && scanned % checkpointEvery === 0) await answer(checkpointAt(event.position));
    }
    source.checkDeleted();
    if (!caughtUp && source.exists()) {
      caughtUp = true;
      await answer(new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()));
    }
    await log.growsBeyond(seen, signal);
  }
};

interface Source {
  next(): StoredEvent | undefined;
  /** One is told to have caught up only with what exists. */
  exists(): boolean;
  /** Throws when there is nothing more to come. */
  checkDeleted(): void;
}

const sourceOfAll = ({ events }: EventLog, all: ReadReq.Options.AllOptions): Source => {
  const after = all.getPosition();
  let index = all.hasEnd() ? events.length : after ? indexOfPosition(events, BigInt(after.getCommitPosition())) + 1 : 0;
  return { next: () => events[index] && events[index++], exists: () => true, checkDeleted: () => undefined };
};

const sourceOfStream = (log: EventLog, options: ReadReq.Options): Source => {
  const stream = options.getStream();
  const name = nameOf(stream?.getStreamIdentifier());
  if (log.stream(name)?.tombstone) throw streamDeleted(name);
  const count = (): number => log.stream(name)?.events.length ?? 0;
  let revision = stream?.hasEnd() ? count() : stream?.hasRevision() ? Number(stream.getRevision()) + 1 : 0;
  let tombstoneSent = false;
  return {
    next: () => {
      revision = Math.max(revision, log.firstVisible(name) ?? count());
      const event = log.stream(name)?.events[revision];
      if (event) {
        revision += 1;
        return event;
      }
      const tombstone = tombstoneSent ? undefined : log.stream(name)?.tombstone;
      tombstoneSent ||= tombstone !== undefined;
      return tombstone;
    },
    exists: () => count() > 0,
    checkDeleted: () => {
      if (tombstoneSent) throw streamDeleted(name);
    },
  };
};

const checkpointAt = (position: bigint): ReadResp =>
  new streams.ReadResp().setCheckpoint(
    new streams.ReadResp.Checkpoint().setCommitPosition(String(position)).setPreparePosition(String(position)),
  );
