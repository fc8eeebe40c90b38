export * from './handle-command.js';
export * from './new-events.js';
export * from './pages.js';
export * from './port.js';
export * from './positions.js';
export * from './stream-type.js';
