import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkArrivals } from './arrivals.js';
import type { Bench } from './result.js';
import { PARTNER_NAMES, type PartnerType } from './stream-partner.js';
import { openStreamScene, received, type StreamScene } from './stream-scene.js';

const AWAY_MS = 60_000;
const LOAD = Array.from({ length: 2_000 }, (_, n) => `profile-${n}`);
/** Four thousand changes a second: after a minute far more than a lane may hold. */
const EVERY_MS = 500;

/** Resident memory of Waybill, all services in one process, while a partner that was there is away and changes go on. */
const awayFrom =
  (type: PartnerType): Bench =>
  async ({ progress }) => {
    const scene = await openStreamScene(type);
    const { partner } = scene;
    try {
      await scene.change(LOAD);
      await received(partner, LOAD.length);
      const before = await residentOf(scene);
      await partner.away(true);
      const most = await mostWhileLoaded(scene);
      const held = await partner.count();
      await partner.away(false);
      const changes = await scene.changes();
      progress(`${changes.length} changes, ${held} of them sent before it came back; ${before.toFixed(0)} MB before`);
      await received(partner, changes.length);
      await checkArrivals(partner, changes);
      const name = `memory while ${PARTNER_NAMES[type]} is away for a minute, ${changes.length.toLocaleString('en')} changes`;
      return [{ name, ours: most, unit: 'MB', budget: { kind: 'value', atMost: 450 } }];
    } finally {
      await scene.stop();
    }
  };

export const kinesisAway = awayFrom('amazon-kinesis');
export const eventHubsAway = awayFrom('azure-event-hubs');

const mostWhileLoaded = async (scene: StreamScene): Promise<number> => {
  let most = 0;
  for (const until = performance.now() + AWAY_MS; performance.now() < until;) {
    const next = sleep(EVERY_MS);
    await scene.change(LOAD);
    most = Math.max(most, await residentOf(scene));
    await next;
  }
  return most;
};

const residentOf = async ({ pid }: StreamScene): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024) / 1e6;
};
