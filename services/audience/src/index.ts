export { audienceTables } from './audience-tables.js';
export * from './erase-profile/erase-profile.js';
export { grantExport } from './export-view/export-view.js';
export * from './follow-segments/followed.js';
export * from './load-members/load-members.js';
export * from './members/apply-memberships.js';
export { TakeReportedMemberships } from './report-memberships/report-memberships.js';
export { forgetChanges } from './store/profile-changes.js';
export { AudienceModule } from './audience.module.js';
