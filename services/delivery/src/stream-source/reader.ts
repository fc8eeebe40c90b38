import type { Database } from '@waybill/postgres';
import type { Service } from '@waybill/service-kit';
import type pg from 'pg';
import { withExportConnection } from '../rows/export-connection.js';
import type { EventsQuestion } from './port.js';
import { type Followed, readFollowed } from './query.js';
import { SettingsOfDestinations, type StreamSettings } from './settings.js';

/** The activations that destination and audience agree on. */
export interface Active {
  readonly since: ReadonlyMap<string, number>;
  readonly watermark: number;
  readonly forgotten: number;
}

export interface ReadOptions<T> {
  /** Settings that were asked for a moment ago do not do. */
  readonly afresh?: boolean;
  /** The answer where nobody need be asked. */
  readonly nothingNew?: (followed: readonly Followed[]) => T | undefined;
}

/** Reads for one destination: `work` has one snapshot, and settings that fit it. */
export type Read = <T>(
  question: Pick<EventsQuestion, 'destinationId' | 'context' | 'signal'>,
  options: ReadOptions<T>,
  work: (client: pg.ClientBase, settings: StreamSettings, active: Active) => Promise<T>,
) => Promise<T>;

/**
 * The settings know every activation that the snapshot shows, or were asked for after it was seen and so know that it is
 * gone: read with older ones, the first changes after an activation would be passed over for good.
 */
export const createReader = (database: Database, service: Pick<Service, 'ask'>): Read => {
  const destinations = new SettingsOfDestinations(service);
  return async ({ destinationId, context, signal }, { afresh = false, nothingNew = () => undefined }, work) => {
    let seen: readonly Followed[] = [];
    for (let settings = afresh ? undefined : destinations.cached(destinationId); ;) {
      const known = settings;
      const tried = await withExportConnection(database, signal, async (client) => {
        const followed = await readFollowed(client, context, destinationId);
        let done = nothingNew(followed);
        if (done === undefined && known && fits(known, followed, seen)) {
          done = await work(client, known, activeOf(known, followed));
        }
        return { result: { done, followed }, readToTheEnd: true };
      });
      if (tried.done !== undefined) return tried.done;
      seen = tried.followed;
      settings = await destinations.ask(destinationId, context);
    }
  };
};

const fits = (settings: StreamSettings, followed: readonly Followed[], seen: readonly Followed[]): boolean =>
  followed.every((one) => isActive(settings, one) || isAmong(seen, one));

const isActive = ({ segments }: StreamSettings, { segmentId, activatedAt }: Followed): boolean =>
  segments.get(segmentId)?.activatedAt === activatedAt;

const isAmong = (seen: readonly Followed[], { segmentId, activatedAt }: Followed): boolean =>
  seen.some((one) => one.segmentId === segmentId && one.activatedAt === activatedAt);

const activeOf = (settings: StreamSettings, followed: readonly Followed[]): Active => ({
  since: new Map(
    followed.filter((one) => isActive(settings, one)).map(({ segmentId, since }) => [segmentId, since] as const),
  ),
  watermark: followed[0]?.watermark ?? 0,
  forgotten: followed[0]?.forgotten ?? 0,
});
