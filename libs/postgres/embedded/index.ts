export { openCluster, USER, type Cluster } from './cluster.js';
