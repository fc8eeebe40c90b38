import type { Socket } from 'node:net';
import type { EventHubProducerClient } from '@azure/event-hubs';

type Options = NonNullable<ConstructorParameters<typeof EventHubProducerClient>[3]>;
export type Transport = NonNullable<NonNullable<Options['webSocketOptions']>['webSocket']>;

type Handler<T = void> = ((event: T) => void) | null;

/**
 * Gives the SDK a connection that stands already. The SDK resolves names and connects by itself, past any check of the
 * address; the one way around it that it offers is a WebSocket class of one's own. This one carries plain bytes over the
 * socket, once: what the SDK would open again is refused, since a lost connection is made anew with a client of its own.
 * `onData` is given what arrives before the SDK is, and ends the connection when it throws.
 */
export const transportOver = (socket: Socket, onData: (data: Buffer) => void): Transport => {
  let taken = false;
  return class {
    /** '': what is sent and received is handed on as it is, not copied. */
    readonly binaryType = '';
    onopen: Handler = null;
    onmessage: Handler<{ readonly data: Buffer }> = null;
    onerror: Handler<Error> = null;
    onclose: Handler = null;

    constructor() {
      if (taken || socket.destroyed) {
        setImmediate(() => this.onclose?.());
        return;
      }
      taken = true;
      socket.on('data', (data: Buffer) => {
        try {
          onData(data);
        } catch (error) {
          socket.destroy(error as Error);
          return;
        }
        this.onmessage?.({ data });
      });
      socket.once('close', () => this.onclose?.());
      setImmediate(() => this.onopen?.());
    }

    send(data: Buffer): void {
      socket.write(data);
    }

    close(): void {
      socket.end();
    }
  };
};
