import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Account } from './account.js';

export interface Ran {
  /** undefined when the program could not be started at all, and `output` says why. */
  readonly status: number | undefined;
  /** What it printed, both streams. */
  readonly output: string;
}

/** Nothing of ours reaches the server's environment: it holds secrets. */
const environment = (): NodeJS.ProcessEnv => {
  const kept = ['PATH', 'SystemRoot', 'TEMP', 'TMP', 'TMPDIR'].map((name) => [name, process.env[name]]);
  return { ...(Object.fromEntries(kept.filter(([, value]) => value !== undefined)) as NodeJS.ProcessEnv), LC_ALL: 'C' };
};

/**
 * Root's folders are often closed to everybody else, so another user reaches this one through an open descriptor, which
 * every process of the server inherits: the kernel then walks no parent folder.
 */
const FOLDER_DESCRIPTOR = 3;
const byDescriptor = (account: Account | undefined): boolean => account !== undefined && process.platform === 'linux';

/** How a program that runs as `account` names the folder given to `run`. */
export const nameFor = (account: Account | undefined, folder: string): string =>
  byDescriptor(account) ? `/proc/self/fd/${FOLDER_DESCRIPTOR}` : folder;

export const run = (program: string, args: readonly string[], account?: Account, folder?: string): Promise<Ran> => {
  const descriptor = folder !== undefined && byDescriptor(account) ? openSync(folder, 'r') : undefined;
  return new Promise<Ran>((resolve) => {
    const chunks: Buffer[] = [];
    const child = spawn(program, args, {
      ...account,
      cwd: '/',
      env: environment(),
      windowsHide: true,
      stdio: ['ignore', 'pipe', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    });
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', (error) => resolve({ status: undefined, output: error.message }));
    child.on('close', (code) => resolve({ status: code ?? -1, output: Buffer.concat(chunks).toString().trim() }));
  }).finally(() => descriptor !== undefined && closeSync(descriptor));
};
