import { checkArrivals } from './arrivals.js';
import { requestsOfLane } from './lane.js';
import { CHANGES, TOLD } from './profile-events.js';
import { sendBare } from './requests.js';
import { alternate, type Bench, rates } from './result.js';
import { PARTNER_NAMES, type PartnerType } from './stream-partner.js';
import { openStreamScene, received, type StreamScene } from './stream-scene.js';

/** All of them change in each load, so that a lane holds most of them more than once. */
const PROFILES = Array.from({ length: 4_000 }, (_, n) => `profile-${n}`);

/**
 * The whole way in Waybill as it runs: changes read from PostgreSQL, made into events, sent in order, and kept as settled;
 * against a bare loop over the SDK that has the events in its memory. No budget: on two cores the reading, the making and the
 * books of it cannot come for nothing; that of the sending alone is on the lane.
 */
const changeLogTo =
  (type: PartnerType): Bench =>
  async ({ rounds, progress }) => {
    const scene = await openStreamScene(type);
    const { partner } = scene;
    try {
      progress('warming up both');
      const requests = await requestsOfLane(partner);
      const bare = async () => {
        const speed = await sendBare(partner, requests);
        await checkArrivals(partner, TOLD, 'any order');
        return speed;
      };
      await sendLog(scene);
      await bare();
      const measured = await alternate(rounds, () => sendLog(scene), bare);
      return [
        rates({
          name: `${CHANGES.toLocaleString('en')} profile changes from the log of changes to ${PARTNER_NAMES[type]}`,
          ...measured,
          baselineName: 'bare SDK loop',
          unit: 'records/s',
        }),
      ];
    } finally {
      await scene.stop();
    }
  };

export const kinesisChangeLog = changeLogTo('amazon-kinesis');
export const eventHubsChangeLog = changeLogTo('azure-event-hubs');

/** Records a second, from the first that arrived to the last: as the bare loop, from a connection that stands. */
const sendLog = async (scene: StreamScene): Promise<number> => {
  const { partner } = scene;
  await scene.switch('disable');
  await scene.forgetChanges();
  for (let sent = 0; sent < CHANGES; sent += PROFILES.length) await scene.change(PROFILES);
  await scene.switch('enable');
  await received(partner, CHANGES);
  const arrivals = await checkArrivals(partner, await scene.changes());
  const times = arrivals.map(({ at }) => at);
  const first = times.reduce((a, b) => Math.min(a, b), Infinity);
  const last = times.reduce((a, b) => Math.max(a, b), 0);
  return (CHANGES * 1_000) / (last - first);
};
