export * from './projection.js';
export * from './projections.js';
