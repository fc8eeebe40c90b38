export * from './delivery.js';
export * from './port.js';
