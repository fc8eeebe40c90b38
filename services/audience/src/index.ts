export { audienceTables } from './audience-tables.js';
export { grantExport } from './export-view/export-view.js';
export * from './load-members/load-members.js';
export { AudienceModule } from './audience.module.js';
