export * from './database.js';
export * from './lease.js';
export * from './migrate.js';
export * from './pacing.js';
export * from './wakeups.js';
