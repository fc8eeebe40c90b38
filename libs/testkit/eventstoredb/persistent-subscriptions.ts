import { randomUUID } from 'node:crypto';
import type { handleBidiStreamingCall, handleUnaryCall } from '@grpc/grpc-js';
import shared, { type StreamIdentifier } from '@eventstore/db-client/generated/shared_pb.js';
import persistent, {
  type CreateReq,
  type CreateResp,
  type DeleteReq,
  type DeleteResp,
  type ReadReq,
  type ReadResp,
} from '@eventstore/db-client/generated/persistent_pb.js';
import type { EventLog } from './log.js';
import type { StoredEvent } from './stored.js';
import { send, signalOf } from './send.js';
import { groupExists, groupMissing, refusalOf } from './status.js';
import { fillRecorded, idOf, nameOf } from './wire.js';

interface Group {
  readonly stream: string;
  /** The next revision that somebody gets. */
  next: number;
}

/**
 * Groups of consumers that share a stream, as far as a healthy consumer goes: create, delete, receive, acknowledge.
 * Nothing is delivered again and nothing is parked; Waybill uses none of it.
 */
export class PersistentSubscriptions {
  readonly #groups = new Map<string, Group>();

  constructor(private readonly log: EventLog) {}

  readonly create: handleUnaryCall<CreateReq, CreateResp> = (call, callback) => {
    const options = call.request.getOptions();
    const { key, stream, name } = groupIn(options);
    if (this.#groups.has(key)) return callback(groupExists(stream, name).refusal);
    const from = BigInt(options?.getSettings()?.getRevision() ?? 0);
    const end = this.log.stream(stream)?.events.length ?? 0;
    this.#groups.set(key, { stream, next: from > BigInt(end) ? end : Number(from) });
    callback(null, new persistent.CreateResp());
  };

  readonly delete: handleUnaryCall<DeleteReq, DeleteResp> = (call, callback) => {
    const { key, stream, name } = groupIn(call.request.getOptions());
    if (!this.#groups.delete(key)) return callback(groupMissing(stream, name).refusal);
    callback(null, new persistent.DeleteResp());
  };

  readonly read: handleBidiStreamingCall<ReadReq, ReadResp> = (call) => {
    const signal = signalOf(call);
    const unacknowledged = new Set<string>();
    let acknowledged = (): void => undefined;

    const deliver = async (options: ReadReq.Options): Promise<void> => {
      const { key, stream, name } = groupIn(options);
      const group = this.#groups.get(key);
      if (!group) throw groupMissing(stream, name);
      const confirmation = new persistent.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
      await send(call, new persistent.ReadResp().setSubscriptionConfirmation(confirmation), signal);
      while (!signal.aborted) {
        const seen = this.log.events.length;
        const event = this.log.stream(group.stream)?.events[group.next];
        if (!event) {
          await this.log.growsBeyond(seen, signal);
        } else if (unacknowledged.size >= options.getBufferSize()) {
          await new Promise<void>((resolve) => (acknowledged = resolve));
        } else {
          group.next += 1;
          unacknowledged.add(event.id);
          await send(call, answerOf(event), signal);
        }
      }
    };

    call.on('data', (request: ReadReq) => {
      const options = request.getOptions();
      if (options) deliver(options).catch((error: unknown) => call.emit('error', refusalOf(error)));
      const settled = request.getAck()?.getIdsList() ?? request.getNack()?.getIdsList() ?? [];
      settled.forEach((id) => unacknowledged.delete(idOf(id)));
      acknowledged();
    });
    call.on('end', () => call.end());
    signal.addEventListener('abort', () => acknowledged());
  };
}

interface GroupOptions {
  getGroupName(): string;
  getStreamIdentifier(): StreamIdentifier | undefined;
}

const groupIn = (options: GroupOptions | undefined) => {
  const name = options?.getGroupName() ?? '';
  const stream = nameOf(options?.getStreamIdentifier());
  return { name, stream, key: JSON.stringify([stream, name]) };
};

const answerOf = (event: StoredEvent): ReadResp => {
  const { ReadEvent } = persistent.ReadResp;
  const read = new ReadEvent()
    .setEvent(fillRecorded(new ReadEvent.RecordedEvent(), event))
    .setCommitPosition(String(event.position))
    .setNoRetryCount(new shared.Empty());
  return new persistent.ReadResp().setEvent(read);
};
