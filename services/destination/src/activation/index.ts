export * from './check-activation.js';
export * from './distinct-names.js';
