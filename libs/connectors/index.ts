export * from './folder.js';
export * from './network.js';
export * from './port.js';
export * from './registry.js';
