export * from './json-schema.js';
export * from './parse-form.js';
export * from './secret.js';
export * from './rules.js';
