import { execFile } from 'node:child_process';

/** Runs a command to its end; rejects with what it printed when it fails. */
export const run = (command: string, args: readonly string[], input?: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, stdout, stderr) =>
      error ? reject(new Error(`${command} failed: ${stderr || stdout || error.message}`)) : resolve(),
    );
    child.stdin?.on('error', reject);
    if (input !== undefined) child.stdin?.end(input);
  });
