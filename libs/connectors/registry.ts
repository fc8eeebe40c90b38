import { azureEventHubs } from './event-hubs/index.js';
import { amazonKinesis } from './kinesis/index.js';
import type { Connector, ConnectorSpec } from './port.js';
import { amazonS3 } from './s3/index.js';
import { sftp } from './sftp/index.js';

/** Every destination type that can be delivered to. Adding one is its folder and a line here. */
export const connectors: readonly Connector[] = [amazonS3, sftp, amazonKinesis, azureEventHubs];

/** Every card of the catalog. */
export const specs: readonly ConnectorSpec[] = connectors.map(({ spec }) => spec);

export const connectorFor = (type: string): Connector | undefined => connectors.find(({ spec }) => spec.type === type);

export const specFor = (type: string): ConnectorSpec | undefined => specs.find((spec) => spec.type === type);
