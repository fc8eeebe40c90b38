export * from './master-key.js';
export * from './port.js';
export * from './redact.js';
export * from './sealed-secret.js';
export * from './vault.js';
