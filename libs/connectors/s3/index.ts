export { createS3Connector } from './connector.js';
export type { S3Options } from './gateway.js';
export type { S3Timeouts } from './client.js';
