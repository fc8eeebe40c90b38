import { createHash } from 'node:crypto';
import { idFrom, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type { Service } from '@waybill/service-kit';
import type pg from 'pg';
import { withExportConnection } from '../rows/export-connection.js';
import { membersOf, payloadOf } from './payload.js';
import type { EventsPage, EventsQuestion, ProfileEvent, StreamSource, UnsendableEvent } from './port.js';
import { laterOf, readPosition, writePosition } from './positions.js';
import { type Followed, readChanges, readFollowed, readMembers, readProfile, type ReadProfile } from './query.js';
import { SettingsOfDestinations, type StreamSettings } from './settings.js';
import { mappedAttributes, type Membership, verdictOn } from './trigger.js';

/** Reads what audience exports (libs/contracts/audience-export.ts), and asks the destination service what to make of it. */
export const openStreamSource = (database: Database, service: Pick<Service, 'ask'>): StreamSource => {
  const destinations = new SettingsOfDestinations(service);

  /**
   * Reads in one snapshot, with settings that know every activation in it, or that were asked for after it was seen and so
   * know that it is gone.
   */
  const read = async <T>(
    { destinationId, context, signal }: Pick<EventsQuestion, 'destinationId' | 'context' | 'signal'>,
    { afresh = false, nothingNew = () => undefined }: ReadOptions<T>,
    work: (client: pg.ClientBase, settings: StreamSettings, active: Active) => Promise<T>,
  ): Promise<T> => {
    let settings = afresh ? undefined : destinations.cached(destinationId);
    let seen: readonly Followed[] = [];
    for (;;) {
      const page = await withExportConnection<{ readonly done: T } | undefined>(database, signal, async (client) => {
        const followed = await readFollowed(client, context, destinationId);
        const nothing = nothingNew(followed);
        if (nothing !== undefined) return { result: { done: nothing }, readToTheEnd: true };
        const isKnown = settings && followed.every((one) => isActive(settings!, one) || isAmong(seen, one));
        seen = followed;
        if (!settings || !isKnown) return { result: undefined, readToTheEnd: true };
        return { result: { done: await work(client, settings, activeOf(settings, followed)) }, readToTheEnd: true };
      });
      if (page) return page.done;
      settings = await destinations.ask(destinationId, context);
    }
  };

  return {
    live: (question, after) =>
      read(question, { nothingNew: (followed) => nothingAfter(followed, after) }, async (client, settings, active) => {
        const { scope, mapping } = settings;
        const [first = 0] = [...active.since.values()].sort((a, b) => a - b);
        const { watermark, forgotten } = active;
        if (active.since.size === 0) return emptyPage(String(watermark));
        const from = laterOf({ change: first, profileId: '' }, readPosition(after ?? '0'));
        if (from.change < forgotten) throw changesForgotten(from.change, forgotten);
        const rows = await readChanges(
          client,
          { scope, fields: mapping.fields, segmentIds: [...active.since.keys()], ...question },
          from,
          watermark,
        );
        const mapped = mappedAttributes(mapping.fields);
        const page = new Page(settings);
        for (const { changed, changedAt, ...profile } of rows) {
          const verdict = verdictOn(changed, profile.memberships, active.since, mapped, settings.onlyChanges);
          if (!verdict.send) {
            page.leaveOut(verdict.reason);
            continue;
          }
          const { change } = changed;
          const eventId = idFrom('event', settings.destinationId, profile.profileId, change, 'live');
          page.add(profile, { eventId, sequence: change, changedAt, memberships: verdict.memberships });
        }
        const last = rows.length === question.max ? rows.at(-1) : undefined;
        if (!last) return page.close(String(watermark), false);
        return page.close(writePosition({ change: last.changed.change - 1, profileId: last.profileId }), true);
      }),

    backfill: (question, segmentId, after, live) =>
      read(question, { afresh: after === null }, async (client, settings, active) => {
        const since = active.since.get(segmentId);
        if (since === undefined) {
          if (settings.segments.has(segmentId)) throw activationUnheard(segmentId);
          return emptyPage(after ?? '');
        }
        const sequence = live === undefined ? since : live === null ? -1 : readPosition(live).change;
        if (sequence < since) return { ...emptyPage(after ?? ''), more: true };
        const { scope, mapping } = settings;
        const rows = await readMembers(
          client,
          { scope, fields: mapping.fields, segmentIds: [...active.since.keys()], ...question },
          { segmentId, since },
          after ?? '',
        );
        const page = new Page(settings);
        for (const profile of rows) {
          const { destinationId } = settings;
          const eventId = idFrom('event', destinationId, profile.profileId, since, 'backfill', segmentId);
          page.add(profile, { eventId, sequence, changedAt: null, memberships: asOf(sequence, profile, active) });
        }
        return page.close(rows.at(-1)?.profileId ?? after ?? '', rows.length === question.max);
      }),

    replay: (question, profileId, live) =>
      read(question, {}, async (client, settings, active) => {
        const { scope, mapping, destinationId } = settings;
        const segmentIds = [...active.since.keys()];
        const profile = await readProfile(client, { scope, fields: mapping.fields, segmentIds }, profileId);
        const sequence = typeof live === 'string' ? readPosition(live).change : active.watermark;
        const memberships = profile ? asOf(sequence, profile, active) : [];
        if (!profile || memberships.length === 0) return null;
        const eventId = idFrom('event', destinationId, profileId, 'replay', question.context.commandId);
        const page = new Page(settings);
        page.add(profile, { eventId, sequence, changedAt: null, memberships, replay: true });
        return page.close('', false).events[0] ?? null;
      }),
  };
};

/** The activations that destination and audience agree on. */
interface Active {
  readonly since: ReadonlyMap<string, number>;
  readonly watermark: number;
  readonly forgotten: number;
}

interface ReadOptions<T> {
  /** Settings that were asked for a moment ago do not do. */
  readonly afresh?: boolean;
  /** The answer where nobody need be asked. */
  readonly nothingNew?: (followed: readonly Followed[]) => T | undefined;
}

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

const emptyPage = (reached: string): EventsPage => ({ events: [], reached, more: false, leftOut: {} });

/** Nothing is active, or nothing happened since: not worth asking anybody about. */
const nothingAfter = (followed: readonly Followed[], after: string | null): EventsPage | undefined => {
  const watermark = followed[0]?.watermark;
  if (watermark === undefined) return emptyPage(after ?? '0');
  return after === String(watermark) ? emptyPage(after) : undefined;
};

/** Memberships as they stand, without those that changed after the sequence, which are told live. */
const asOf = (sequence: number, { memberships }: ReadProfile, { since }: Active): readonly Membership[] =>
  memberships.filter(({ segmentId, change }) => since.has(segmentId) && change <= sequence);

interface Telling {
  readonly eventId: string;
  readonly sequence: number;
  readonly changedAt: string | null;
  readonly memberships: readonly Membership[];
  readonly replay?: boolean;
}

/** Events as they are made, and the count of what led to none. */
class Page {
  private readonly events: (ProfileEvent | UnsendableEvent)[] = [];
  private readonly leftOut: Record<string, number> = {};
  private readonly members: ReturnType<typeof membersOf>;
  private readonly required: readonly { readonly index: number; readonly target: string }[];

  constructor(private readonly settings: StreamSettings) {
    this.members = membersOf(settings);
    this.required = settings.mapping.fields.flatMap(({ required, target }, index) =>
      required ? [{ index, target }] : [],
    );
  }

  leaveOut(reason: string): void {
    this.leftOut[reason] = (this.leftOut[reason] ?? 0) + 1;
  }

  add(profile: ReadProfile, { replay = false, ...facts }: Telling): void {
    const missing = this.required.find(({ index }) => isMissing(profile.values[index]));
    if (missing) {
      this.leaveOut(`required:${missing.target}`);
      return;
    }
    const about = { change: facts.sequence, profileId: profile.profileId, eventId: facts.eventId };
    const key = keyOf(this.settings, profile);
    if (key === undefined) {
      this.events.push({ ...about, ...keyMissing(this.settings) });
      return;
    }
    const data = Buffer.from(payloadOf(this.settings, profile, { ...facts, replay }, this.members));
    this.events.push({ ...about, key, data });
  }

  close(reached: string, more: boolean): EventsPage {
    return { events: this.events, reached, more, leftOut: this.leftOut };
  }
}

const isMissing = (value: string | null | undefined): boolean =>
  value === null || value === undefined || value === 'null' || value === '""';

const IDENTITY = 'identities.';

/** Hashed: of one length whatever the id, and no id of a person stands where shards and logs show it. */
const keyOf = ({ partitionKey }: StreamSettings, { profileId, identities }: ReadProfile): string | undefined => {
  const value = partitionKey.startsWith(IDENTITY) ? identities[partitionKey.slice(IDENTITY.length)]?.[0] : profileId;
  return value === undefined ? undefined : createHash('sha256').update(value).digest('hex');
};

const keyMissing = ({ partitionKey }: StreamSettings) => ({
  code: 'partition-key-missing',
  message: `The profile has no ${partitionKey}, which the destination takes the partition key from.`,
});

const activationUnheard = (segmentId: string): WaybillError =>
  new WaybillError(
    'activation-unheard',
    'unavailable',
    `Audience has not heard yet that the segment "${segmentId}" is active; its members are read in a moment.`,
    { retryAfterSeconds: 1 },
  );

const changesForgotten = (from: number, forgotten: number): WaybillError =>
  new WaybillError(
    'changes-forgotten',
    'conflict',
    `The destination was told of changes up to ${from}, and those up to ${forgotten} are kept no longer. ` +
      'Deactivate its segments and activate them again: everybody in them is then sent as they are.',
  );
