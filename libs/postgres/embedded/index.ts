export { openCluster, USER, type Cluster } from './cluster.js';
export { openEmbeddedPostgres, type EmbeddedPostgres, type EmbeddedPostgresOptions } from './embedded-postgres.js';
