import { erasedMigrations, ErasedProfiles } from './erased-profiles.js';
import { ledgerMigrations } from './ledger.js';
import { Sinks } from './sinks.js';
import { StreamStates, stateMigrations } from './stream-states.js';
import { StreamWorker } from './stream-worker.js';
import { streamMigrations, Streams } from './streams.js';

export { ErasedProfiles, StreamStates, Streams, StreamWorker };

/** What the module of the service takes of the streams. */
export const sendEvents = {
  migrations: [...streamMigrations, ...ledgerMigrations, ...stateMigrations, ...erasedMigrations],
  listeners: [Streams],
  workers: [StreamWorker],
  providers: [ErasedProfiles, Sinks, StreamStates],
};
