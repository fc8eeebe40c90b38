export * from './ask.js';
export * from './delivery.js';
export * from './errors.js';
export * from './inbox.js';
export * from './partitioner.js';
export * from './port.js';
export * from './relay.js';
