import { type EventsQuestion, type ProfileEvent, shareOf, type StreamSource } from '../../stream-source/index.js';
import { eventOf } from './memory-feed.js';

/** The events of all destinations, in an array that may grow; positions are indexes. Members are those of a backfill. */
export interface MemorySource extends StreamSource {
  readonly log: ProfileEvent[];
  readonly members: string[];
}

export const memorySource = (): MemorySource => {
  const log: ProfileEvent[] = [];
  const members: string[] = [];
  const isAsked =
    ({ share }: EventsQuestion) =>
    (profileId: string) =>
      share.shares.includes(shareOf(profileId, share.of));
  return {
    log,
    members,
    async live(question, after) {
      const from = Number(after ?? 0);
      const looked = log.slice(from, from + question.max);
      const mine = isAsked(question);
      const reached = from + looked.length;
      return {
        events: looked.filter(({ profileId }) => mine(profileId)),
        reached: String(reached),
        more: reached < log.length,
        leftOut: {},
      };
    },
    async backfill(question, segmentId, after, live) {
      const left = members.filter(isAsked(question)).filter((id) => id > (after ?? ''));
      const page = left.slice(0, question.max);
      return {
        events: page.map((id) => ({ ...eventOf(id, Number(live ?? 0)), eventId: idOf(id, `backfill ${segmentId}`) })),
        reached: page.at(-1) ?? after ?? '',
        more: left.length > page.length,
        leftOut: {},
      };
    },
    preview: () => Promise.reject(new Error('nobody asks for it')),
    async replay({ context }, profileIds, live) {
      return profileIds
        .filter((profileId) => log.some((event) => event.profileId === profileId))
        .map((profileId) => ({
          ...eventOf(profileId, Number(live ?? 0)),
          eventId: idOf(profileId, context.commandId),
        }));
    },
  };
};

const idOf = (profileId: string, what: string): string => `${profileId} ${what}`;
