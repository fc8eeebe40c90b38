import type { Connector } from '../port.js';
import { DEADLINES, type EventHubsOptions } from './options.js';
import { proveCredentials } from './prove-credentials.js';
import { proveTarget } from './prove-target.js';
import { openSink } from './sink.js';
import { eventHubsSpec } from './spec.js';

export type { EventHubsOptions } from './options.js';

/** Azure Event Hubs, and its emulator. Options are for tests and for unusual networks. */
export const createEventHubsConnector = ({ deadlines, ca }: EventHubsOptions = {}): Connector => {
  const settings = { deadlines: { ...DEADLINES, ...deadlines }, ca };
  return {
    spec: eventHubsSpec,
    proveCredentials: proveCredentials(settings),
    proveTarget: proveTarget(settings),
    openEventSink: openSink(settings),
  };
};

export const azureEventHubs = createEventHubsConnector();
