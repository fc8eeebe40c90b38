import { existsSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export default () => discard(process.env.WAYBILL_TEST_POSTGRES_FOLDER);

/** Stops the server of a jest run, if one was started, and removes its folder. */
export const discard = async (folder) => {
  const pidFile = join(folder, 'postgres/data/postmaster.pid');
  if (existsSync(pidFile)) {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'));
    if (isServerOn(join(folder, 'postgres/data'), pid)) {
      process.kill(pid, 'SIGQUIT'); // at once: nobody wants this data any more
      for (let tries = 0; existsSync(pidFile) && tries < 200; tries += 1) await sleep(25);
    }
  }
  rmSync(folder, { recursive: true, force: true });
};

/** The number may have gone to another process since. A server's working folder is its data. */
const isServerOn = (data, pid) => {
  try {
    return process.platform === 'linux'
      ? readlinkSync(`/proc/${pid}/cwd`) === realpathSync(data)
      : process.kill(pid, 0);
  } catch {
    return false;
  }
};
