import type { Migration } from '@waybill/postgres';
import { exportViewMigrations } from './export-view/export-view.js';
import { audienceMigrations } from './store/migrations.js';

/** The tables of the data plane and the view on them, in the order in which they are made. */
export const audienceTables: readonly Migration[] = [...audienceMigrations, ...exportViewMigrations];
