export * from './message-bus.js';
export * from './partitioner.js';
