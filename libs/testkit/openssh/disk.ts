import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.js';

/** A disk in memory of a given size. */
export const mountDisk = (folder: string, bytes: number): Promise<void> =>
  run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder]);

/** Takes away the disk that was mounted there, if one was. */
export const unmountDisk = async (folder: string): Promise<void> => {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  if (!mounts.includes(` ${folder} `)) return;
  await run('umount', ['--lazy', folder]).catch((error: unknown) => {
    // Somebody else has done it meanwhile.
    if (!/not mounted|no mount point|not found/.test(String(error))) throw error;
  });
};

/** Whether this machine lets us mount: tried, since no permission bit tells. */
export const mayMount = (): boolean => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4096', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return mounted;
};
