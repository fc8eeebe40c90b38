import type { Connector } from './port.js';
import { amazonS3 } from './s3/index.js';
import { sftp } from './sftp/index.js';

/** Every destination type there is. Adding one is its folder and a line here. */
export const connectors: readonly Connector[] = [amazonS3, sftp];

export const connectorFor = (type: string): Connector | undefined => connectors.find(({ spec }) => spec.type === type);
