import type { Connector } from '../port.js';
import { type KinesisTimeouts, TIMEOUTS } from './client.js';
import { proveCredentials } from './prove-credentials.js';
import { proveTarget } from './prove-target.js';
import { openEventSink } from './sink.js';
import { spec } from './spec.js';

export type { KinesisTimeouts } from './client.js';

/** Amazon Kinesis Data Streams, and what speaks its protocol. Options are for tests and for unusual networks. */
export const createKinesisConnector = (options: { readonly timeouts?: Partial<KinesisTimeouts> } = {}): Connector => {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  return {
    spec,
    proveCredentials: proveCredentials(timeouts),
    proveTarget: proveTarget(timeouts),
    openEventSink: openEventSink(timeouts),
  };
};

export const amazonKinesis = createKinesisConnector();
