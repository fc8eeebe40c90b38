import type { Connector } from '../port.js';
import { openGateway, type S3Options } from './gateway.js';
import { proveCredentials } from './prove-credentials.js';
import { proveTarget } from './prove-target.js';
import { openSink } from './sink.js';
import { spec } from './spec.js';

export type { S3Options } from './gateway.js';

/** Amazon S3, and every store that speaks its protocol. Options are for tests and for unusual networks. */
export const createS3Connector = (options: S3Options = {}): Connector => {
  const gateway = openGateway(options);
  return {
    spec,
    proveCredentials: proveCredentials(gateway),
    proveTarget: proveTarget(gateway),
    openFileSink: openSink(gateway, options.partSize),
  };
};

export const amazonS3 = createS3Connector();
