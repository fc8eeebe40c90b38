import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { messageOf, WaybillError } from '@waybill/kernel';

/**
 * One process at a time in a folder. The lock is the kernel's: it goes when its holder dies, however it dies, so there is
 * nothing stale to judge. Node gives access to such locks through SQLite alone; nothing is ever stored in that file.
 */
export const lockFolder = (folder: string): (() => void) => {
  const note = join(folder, 'owner.pid');
  let lock: DatabaseSync | undefined;
  try {
    // Under root the server is another user, who must be able to pass through; what is inside is closed by itself.
    mkdirSync(folder, { recursive: true, mode: process.getuid?.() === 0 ? 0o711 : 0o700 });
    lock = new DatabaseSync(join(folder, 'lock'), { timeout: 0 });
    lock.exec('begin exclusive');
    writeFileSync(note, `${process.pid}\n`);
    return () => lock?.close();
  } catch (cause) {
    lock?.close();
    throw (cause as { errcode?: number }).errcode === SQLITE_BUSY
      ? taken(folder, note, cause)
      : unusable(folder, cause);
  }
};

const SQLITE_BUSY = 5;

const taken = (folder: string, note: string, cause: unknown): WaybillError =>
  new WaybillError(
    'embedded-database-locked',
    'unavailable',
    `Another process${pidIn(note)} runs Waybill on ${folder}. Stop it, or choose another folder (WAYBILL_DATA).`,
    { cause },
  );

const unusable = (folder: string, cause: unknown): WaybillError =>
  new WaybillError(
    'embedded-database-folder-unusable',
    'internal',
    `The folder ${folder} cannot be used (${messageOf(cause)}). Make it writable for the user that runs Waybill, or choose another one (WAYBILL_DATA).`,
    { cause },
  );

const pidIn = (note: string): string => {
  try {
    return ` (pid ${readFileSync(note, 'utf8').trim()})`;
  } catch {
    return ''; // it has the lock and is about to write its note
  }
};
