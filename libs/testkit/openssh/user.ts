import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unmountDisk } from './disk.js';
import { run } from './run.js';

const PREFIX = 'waybill-sftp-';
let count = 0;

/** Names tell which process they belong to, so that what a killed one left is found. */
export const nextName = (): string => `${PREFIX}${process.pid}-${(count += 1)}`;

/** Another process may hold the lock on /etc/passwd at the moment. */
const whileLocked = async (command: string, args: readonly string[], input?: string): Promise<void> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(command, args, input);
    } catch (error) {
      if (attempt === 50 || !/lock/i.test(String(error))) throw error;
      await sleep(100);
    }
  }
};

export const addUser = async (name: string, password: string): Promise<void> => {
  await whileLocked('useradd', ['--no-create-home', '--home-dir', '/', '--shell', '/usr/sbin/nologin', name]);
  await whileLocked('chpasswd', [], `${name}:${password}\n`);
};

/** With everything below its folder in /srv. */
export const removeUser = async (name: string): Promise<void> => {
  await unmountDisk(join('/srv', name, 'root', 'data'));
  await rm(join('/srv', name), { recursive: true, force: true });
  await whileLocked('userdel', ['--force', name]);
};

/** Removes the users and folders of test runs that were killed. */
export const removeStaleUsers = async (): Promise<void> => {
  const passwd = await readFile('/etc/passwd', 'utf8');
  for (const [, name = '', pid] of passwd.matchAll(new RegExp(`^(${PREFIX}(\\d+)-\\d+):`, 'gm'))) {
    if (existsSync(`/proc/${pid}`)) continue;
    // Somebody else may be at it as well, and be done before we hold the lock, or after we looked.
    await removeUser(name).catch((error: unknown) => {
      if (!/does not exist|cannot remove entry/.test(String(error))) throw error;
    });
  }
};
