import { setTimeout as sleep } from 'node:timers/promises';
import { EventHubConsumerClient, type ReceivedEventData } from '@azure/event-hubs';
import { type Availability, available, unavailable } from '../availability/index.js';

export interface NamedEventHub {
  /** Of a policy that may send and listen. */
  readonly connectionString: string;
  /** One that tests may write to; what stands in it is left alone. */
  readonly hub: string;
}

/** A hub at Azure, or in its emulator, named by `WAYBILL_TEST_EVENTHUBS_CONNECTION_STRING` and `_HUB`. */
export const findNamedEventHub = (): Availability<NamedEventHub> => {
  const connectionString = process.env['WAYBILL_TEST_EVENTHUBS_CONNECTION_STRING'] ?? '';
  const hub = process.env['WAYBILL_TEST_EVENTHUBS_HUB'] ?? '';
  return connectionString && hub
    ? available({ connectionString, hub })
    : unavailable('WAYBILL_TEST_EVENTHUBS_CONNECTION_STRING and _HUB name none');
};

export interface EventHubObserver {
  /** In the order of each partition. */
  received(): Promise<readonly ReceivedEventData[]>;
  close(): Promise<void>;
}

/** A consumer's own eyes on a hub: what came since it began to look. It counts as all there is when nothing came for `quietMs`. */
export const observeEventHub = async (
  { connectionString, hub }: NamedEventHub,
  quietMs = 2_000,
): Promise<EventHubObserver> => {
  const since = new Date();
  const client = new EventHubConsumerClient('$Default', connectionString, hub);
  const seen: ReceivedEventData[] = [];
  let failure: Error | undefined;
  const subscriptions = (await client.getPartitionIds()).map((partition) =>
    client.subscribe(
      partition,
      {
        processEvents: (events) => {
          seen.push(...events);
          return Promise.resolve();
        },
        processError: (error) => {
          failure = error;
          return Promise.resolve();
        },
      },
      { startPosition: { enqueuedOn: since }, maxWaitTimeInSeconds: 1, skipParsingBodyAsJson: true },
    ),
  );
  return {
    received: async () => {
      for (let count = -1; count < seen.length;) {
        count = seen.length;
        await sleep(quietMs);
        if (failure) throw failure;
      }
      return seen;
    },
    close: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
      await client.close();
    },
  };
};
