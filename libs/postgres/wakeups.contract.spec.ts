import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, openEmbeddedPostgres } from './embedded/index.js';
import { openWakeups, type Wakeups } from './index.js';
import { freePort } from './testing/free-port.js';

// A server of its own, since it is restarted.
const folder = mkdtempSync(join(tmpdir(), 'waybill-wakeups-'));
let server: EmbeddedPostgres;
let wakeups: Wakeups;
let port: number;
const start = async (): Promise<void> => {
  server = await openEmbeddedPostgres({ folder, log: () => undefined, port });
};
beforeAll(async () => {
  port = await freePort();
  await start();
  wakeups = openWakeups(server.url);
}, 120_000);
afterAll(async () => {
  await wakeups.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const notify = async (channel: string): Promise<void> => {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`notify ${channel}`);
  await client.end();
};
const counter = (channel: string, on = wakeups) => {
  let count = 0;
  const off = on.on(channel, () => (count += 1));
  return { count: () => count, off };
};
const until = async (holds: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 10_000; !holds();) {
    if (Date.now() > deadline) throw new Error('it did not come about within 10 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};
/** The first hint may be lost while the channel is being listened to. */
const notifyUntil = async (channel: string, holds: () => boolean): Promise<void> => {
  for (let tries = 0; !holds() && tries < 100; tries += 1) {
    await notify(channel);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(holds()).toBe(true);
};

describe('wake-ups', () => {
  it('reach every listener of the channel, and nobody else, until they are declined', async () => {
    const [one, two, other] = [counter('letters'), counter('letters'), counter('parcels')];
    await notifyUntil('letters', () => one.count() > 0 && two.count() > 0);
    await notifyUntil('parcels', () => other.count() > 0);
    // Hints come in the order of their commits: behind this one, none of those above is on its way any more.
    const marker = counter('marker');
    await notifyUntil('marker', () => marker.count() > 0);
    const before = [one.count(), two.count(), other.count()] as const;
    one.off();
    await notify('letters');
    await until(() => two.count() > before[1]);
    expect(one.count()).toBe(before[0]);
    expect(other.count()).toBe(before[2]);
  });

  it('come again after the server was away, beginning with one for all that may have been missed', async () => {
    const letters = counter('letters');
    await notifyUntil('letters', () => letters.count() > 0);
    await server.stop();
    await new Promise((resolve) => setTimeout(resolve, 500)); // some attempts fail
    const before = letters.count();
    await start();
    await until(() => letters.count() > before); // by itself
    const again = letters.count();
    await notify('letters');
    await until(() => letters.count() > again);
    const late = counter('late');
    await notifyUntil('late', () => late.count() > 0);
  });

  it('end while the server is away, and before they began', async () => {
    const nowhere = openWakeups('postgres://nobody@127.0.0.1:1/none');
    await new Promise((resolve) => setTimeout(resolve, 250));
    await nowhere.close();
    const hasty = openWakeups(server.url);
    hasty.on('letters', () => undefined);
    await hasty.close();
  });

  it('refuse what is no channel', () => {
    expect(() => wakeups.on('a; drop table x', () => undefined)).toThrow(/not a channel/);
  });
});
