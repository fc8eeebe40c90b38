export * from './handle-command.js';
export { toNewEvents } from './new-events.js';
export * from './port.js';
export { comparePositions } from './positions.js';
export * from './stream-type.js';
