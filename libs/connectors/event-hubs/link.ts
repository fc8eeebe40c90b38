import type { Socket } from 'node:net';
import { EventHubProducerClient } from '@azure/event-hubs';
import { unlessAborted } from '../abort.js';
import type { Access } from './access.js';
import { watchDetach } from './detach-watch.js';
import { connectionLost, type EventHubsFailure, failureOf, linkClosed, timedOut } from './failure.js';
import type { Deadlines } from './options.js';
import { PackedBatch } from './packed-batch.js';
import { transportOver } from './transport.js';

/**
 * One connection, and on it the link by which a hub is sent to, from the first call to whatever ends either. Neither is made
 * anew: the SDK would, but keeps a timer of every link it had, and finds out late.
 */
export interface Link {
  /** Aborts when nothing more should be sent over it; what is under way may still be answered, for a moment. */
  readonly retired: AbortSignal;
  /** An empty batch, as large as the link allows. Opens the link. */
  createBatch(signal: AbortSignal, partitionKey?: string): Promise<PackedBatch>;
  send(batch: PackedBatch, signal: AbortSignal): Promise<void>;
  /** The partitions of the hub, for those who may ask. */
  partitions(signal: AbortSignal): Promise<number>;
  /** Ends it in good order, soon. */
  close(): Promise<void>;
  /** Breaks the connection, so that nothing that is under way arrives late. */
  discard(): void;
}

/** The SDK's own deadlines end a call only where ours could not. */
const LONGER_MS = 60_000;

export const openLink = (socket: Socket, access: Access, hub: string, deadlines: Deadlines): Link => {
  const retired = new AbortController();
  const lost = new AbortController();
  const lose = (failure: EventHubsFailure) => {
    retired.abort(failure);
    lost.abort(failure);
  };
  let cause: Error | undefined;
  socket.on('error', (error) => (cause = error));
  // After the SDK has heard of it: a call that is aborted first leaves a timer of two minutes.
  socket.once('close', () => setImmediate(() => lose(connectionLost(cause))));

  const close = async (): Promise<void> => {
    retired.abort(linkClosed());
    // What the service still has to say at the end matters to nobody.
    await unlessAborted(AbortSignal.timeout(deadlines.close), client.close()).catch(() => undefined);
    socket.destroy();
  };
  /** It may be the link of the tokens that was closed; then those that wait are answered soon. */
  const onDetach = () => {
    if (retired.signal.aborted) return;
    retired.abort(linkClosed());
    setTimeout(() => {
      lose(linkClosed());
      void close();
    }, deadlines.detached).unref();
  };

  const client = new EventHubProducerClient(
    access.authority,
    hub,
    { name: access.keyName, key: access.key },
    {
      retryOptions: { maxRetries: 0, timeoutInMs: Math.max(deadlines.open, deadlines.send) + LONGER_MS },
      webSocketOptions: { webSocket: transportOver(socket, watchDetach(onDetach)) },
    },
  );

  /** One call of the SDK. Rejects with the signal's reason or a failure; it would hear of a lost connection at its own deadline only. */
  const call = async <T>(
    what: string,
    milliseconds: number,
    signal: AbortSignal,
    work: (abortSignal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const late = new AbortController();
    // One that is cleared: those of AbortSignal.timeout would be there by the thousand.
    const timer = setTimeout(() => late.abort(), milliseconds);
    const ended = AbortSignal.any([signal, lost.signal, late.signal]);
    try {
      return await unlessAborted(ended, work(ended));
    } catch (error) {
      signal.throwIfAborted();
      if (lost.signal.aborted || socket.destroyed) throw lost.signal.reason ?? connectionLost(cause);
      throw late.signal.aborted ? timedOut(what, milliseconds) : failureOf(error);
    } finally {
      clearTimeout(timer);
    }
  };

  return {
    retired: retired.signal,
    createBatch: async (signal, partitionKey = '') => {
      const create = (abortSignal: AbortSignal) => client.createBatch({ abortSignal });
      const { maxSizeInBytes } = await call('opening the link', deadlines.open, signal, create);
      return new PackedBatch(maxSizeInBytes, partitionKey);
    },
    send: (batch, signal) =>
      call('acknowledging a batch', deadlines.send, signal, (abortSignal) => client.sendBatch(batch, { abortSignal })),
    partitions: async (signal) => {
      const describe = (abortSignal: AbortSignal) => client.getEventHubProperties({ abortSignal });
      const { partitionIds } = await call('describing the hub', deadlines.open, signal, describe);
      return partitionIds.length;
    },
    close,
    // The SDK hears of it, and lets go of what it holds; told to close before, it would wait for an answer and never would.
    discard: () => {
      lose(connectionLost());
      socket.destroy();
    },
  };
};
