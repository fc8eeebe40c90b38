import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Only with `CI=true` may anything be installed outside the project. */
export const mayInstall = (): boolean => process.env['CI'] === 'true';

/** A folder outside the clone that outlives it: built servers, jars. `WAYBILL_TEST_CACHE`, else `~/.cache/waybill`. */
export const cacheFolder = (...parts: readonly string[]): string => {
  const folder = join(process.env['WAYBILL_TEST_CACHE'] ?? join(homedir(), '.cache', 'waybill'), ...parts);
  mkdirSync(folder, { recursive: true });
  return folder;
};

const run = (command: string, args: readonly string[]): boolean =>
  spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  }).status === 0;

let listsAreFresh = false;

/** Installs Debian packages unless `probe` (a file they bring) is there already; true when it is there afterwards. */
export const ensureDebianPackages = (probe: string, packages: readonly string[]): boolean => {
  if (existsSync(probe)) return true;
  if (!mayInstall() || process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  listsAreFresh ||= run('apt-get', ['update', '-qq']);
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages]);
  return existsSync(probe);
};
