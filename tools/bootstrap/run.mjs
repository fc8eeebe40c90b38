import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const modules = join(root, 'node_modules');

/** Says what is wrong and how to mend it, without a stack. */
export const fail = (message) => {
  console.error(`\n${message}`);
  process.exit(1);
};

/**
 * Runs a program to its end and answers `{ code, output }`. `quiet` collects what it prints instead of showing it.
 * On Ctrl-C a terminal tells every program in front of it, so the child knows and drains; this process only waits.
 * Without a terminal the signal came to this process alone, perhaps twice (npm repeats it): it is passed on once.
 * npm's shell dies of SIGTERM and keeps it to itself: under npm, a parent that is gone means the same.
 */
export const run = (command, args, { env = {}, quiet = false, shell = false } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      shell,
      stdio: quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
    });
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));

    const passed = new Set();
    const pass = (signal) => {
      if (passed.has(signal) || (signal === 'SIGINT' && process.stdin.isTTY)) return;
      passed.add(signal);
      child.kill(signal);
    };
    process.on('SIGINT', pass).on('SIGTERM', pass);
    const parent = process.ppid;
    const orphaned = () => process.env.npm_execpath !== undefined && process.ppid !== parent;
    const watch = setInterval(() => orphaned() && pass('SIGTERM'), 250);
    child.once('error', reject).once('close', (code, signal) => {
      clearInterval(watch);
      process.off('SIGINT', pass).off('SIGTERM', pass);
      resolve({ code: code ?? 128 + constants.signals[signal], output });
    });
  });
