import { setTimeout as sleep } from 'node:timers/promises';
import { percentiles } from './percentiles.js';
import type { Bench } from './result.js';
import { PARTNER_NAMES, type PartnerType } from './stream-partner.js';
import { openStreamScene, received } from './stream-scene.js';

const CHANGES = 200;
const WARM_UP = 20;
/** At most, and at random, so that they meet every phase of whoever polls. */
const APART_MS = 50;

/** One change of one profile over HTTP, from the request until the partner has the record; one after the other. */
const liveChangeTo =
  (type: PartnerType): Bench =>
  async () => {
    const scene = await openStreamScene(type);
    const { partner } = scene;
    try {
      const sentAt = new Map<string, number>();
      for (let n = 0; n < WARM_UP + CHANGES; n += 1) {
        const profileId = `profile-${n}`;
        if (n >= WARM_UP) sentAt.set(profileId, performance.timeOrigin + performance.now());
        await scene.change([profileId]);
        await sleep(Math.random() * APART_MS);
      }
      await received(partner, WARM_UP + CHANGES);
      const { arrivals } = await partner.received();
      const times = arrivals.flatMap(({ profileId, at }) => {
        const sent = sentAt.get(profileId);
        return sent === undefined ? [] : [at - sent];
      });
      const name = `change over HTTP until on ${PARTNER_NAMES[type]}, of ${CHANGES}`;
      return percentiles(name, times, { kind: 'value', atMost: 250 });
    } finally {
      await scene.stop();
    }
  };

export const kinesisLiveChange = liveChangeTo('amazon-kinesis');
export const eventHubsLiveChange = liveChangeTo('azure-event-hubs');
