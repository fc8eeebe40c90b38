export { type EventStoreDb, type EventStoreDbOptions, openEventStoreDb } from './event-store-db.js';
export type { Incident, Observe } from './tries.js';
