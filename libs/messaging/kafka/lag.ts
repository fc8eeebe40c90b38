import type { Admin } from 'kafkajs';
import type { GroupLag } from '../port.js';
import { boundsOf } from './positions.js';
import { isNotThere } from './topics.js';

/** What each group whose id has this prefix has still to handle. */
export const lagOfGroups = async (admin: Admin, prefix: string): Promise<readonly GroupLag[]> => {
  const { groups } = await admin.listGroups();
  const ids = groups.map(({ groupId }) => groupId).filter((id) => id.startsWith(prefix));
  const bounds = new Map<string, ReturnType<typeof boundsOf>>();
  const boundsOnce = (topic: string) => {
    const asked = bounds.get(topic) ?? boundsOf(admin, topic).catch(noneOfWhatIsGone);
    bounds.set(topic, asked);
    return asked;
  };
  const lags = await Promise.all(
    ids.sort().map(async (groupId): Promise<readonly GroupLag[]> => {
      const topics = await admin.fetchOffsets({ groupId });
      return Promise.all(
        topics.map(async ({ topic, partitions }) => {
          const ends = await boundsOnce(topic);
          const messages = partitions.reduce((sum, { partition, offset }) => {
            const { low, high } = ends.get(partition) ?? { low: 0, high: 0 };
            return Number(offset) < 0 ? sum : sum + Math.max(0, high - Math.max(low, Number(offset)));
          }, 0);
          return { group: groupId.slice(prefix.length), topic, messages };
        }),
      );
    }),
  );
  return lags.flat();
};

/** Offsets outlive their topic for a moment. */
const noneOfWhatIsGone = (error: unknown): Awaited<ReturnType<typeof boundsOf>> => {
  if (isNotThere(error)) return new Map();
  throw error;
};
