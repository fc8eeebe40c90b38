export * from './canonical-json.js';
export * from './command.js';
export * from './decider.js';
export * from './error.js';
export * from './event.js';
export * from './ids.js';
export * from './scope.js';
export * from './within.js';
