// A folder for one jest run. The first spec that asks for a database starts the server in it (libs/postgres/testing); teardown stops it.
import { chmodSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { discard } from './jest-teardown.mjs';

const PREFIX = 'waybill-test-postgres-';

export default async function setup() {
  for (const name of readdirSync(tmpdir())) {
    if (name.startsWith(PREFIX) && !isAlive(Number(name.slice(PREFIX.length).split('-')[0])))
      await discard(join(tmpdir(), name));
  }
  const folder = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o711); // under root the server is another user
  process.env.WAYBILL_TEST_POSTGRES_FOLDER = folder;
}

const isAlive = (pid) => {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
};
