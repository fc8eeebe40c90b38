import { existsSync } from 'node:fs';

/** Whether testcontainers will find an engine. */
export const hasDockerEngine = (): boolean =>
  process.env['DOCKER_HOST'] !== undefined || existsSync('/var/run/docker.sock');
