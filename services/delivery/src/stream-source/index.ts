import { DATABASE, SERVICE, type Service } from '@waybill/service-kit';
import type { Database } from '@waybill/postgres';
import { openStreamSource } from './stream-source.js';

export * from './port.js';
export { openStreamSource } from './stream-source.js';

export const STREAM_SOURCE = Symbol('STREAM_SOURCE');

/** For the module of the service. */
export const streamSourceProvider = {
  provide: STREAM_SOURCE,
  useFactory: (database: Database, service: Service) => openStreamSource(database, service),
  inject: [DATABASE, SERVICE],
};
