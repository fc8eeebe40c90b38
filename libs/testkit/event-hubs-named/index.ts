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

const QUIET_MS = 2_000;
const LATE_MS = 20_000;

/**
 * A consumer's own eyes on a hub: what came since it began to look. All there is has come when `count` says that it is so many;
 * where nobody can count, when nothing came for two seconds.
 */
export const observeEventHub = async (
  { connectionString, hub }: NamedEventHub,
  count?: () => number,
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
  const untilQuiet = async (): Promise<void> => {
    for (let before = -1; before < seen.length;) {
      before = seen.length;
      await sleep(QUIET_MS);
      if (failure) throw failure;
    }
  };
  const untilThereAre = async (all: () => number): Promise<void> => {
    for (const deadline = Date.now() + LATE_MS; seen.length < all(); await sleep(10)) {
      if (failure) throw failure;
      if (Date.now() > deadline) throw new Error(`A consumer saw ${seen.length} events of ${all()}.`);
    }
  };
  return {
    received: async () => {
      await (count ? untilThereAre(count) : untilQuiet());
      return seen;
    },
    close: async () => {
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
      await client.close();
    },
  };
};
