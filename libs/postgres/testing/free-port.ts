import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Whether nobody listens on a port at this moment. */
export const isFree = async (port: number): Promise<boolean> => {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
};

/**
 * Below those that a system gives to whoever asks for any: a server may be seconds from its start to taking its port, or from
 * its end to taking it again. Each worker of jest has some of its own, since none knows of those that another handed out.
 */
const FIRST_PORT = 12_000;
const PORTS_OF_A_WORKER = 2_500;
const WORKERS = 8;
const PORT_TRIES = 1_000;

const worker = Number(process.env['JEST_WORKER_ID'] ?? 0) % WORKERS;
const first = FIRST_PORT + worker * PORTS_OF_A_WORKER;
const end = first + PORTS_OF_A_WORKER;
const handedOut = new Set<number>();

/** A port that nobody listens on at this moment, and that this process has not handed out before. */
export const freePort = async (): Promise<number> => {
  for (let tries = 1; tries <= PORT_TRIES; tries += 1) {
    const port = randomInt(first, end);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port was found from ${first} to ${end - 1}.`);
};
