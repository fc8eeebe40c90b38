import { idFrom, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type { Service } from '@waybill/service-kit';
import { emptyPage, Page } from './page.js';
import type pg from 'pg';
import type { EventsPage, EventsQuestion, StreamSource } from './port.js';
import { laterOf, type LivePosition, passedOf, readPosition, writePosition } from './positions.js';
import { type Followed, readChanges, readMembers, readProfile, type ReadProfile } from './query.js';
import { type Active, createReader } from './reader.js';
import { type StreamSettings, withSegment } from './settings.js';
import { mappedAttributes, type Membership, verdictOn } from './trigger.js';

/** Reads what audience exports (libs/contracts/audience-export.ts), and asks the destination service what to make of it. */
export const openStreamSource = (database: Database, service: Pick<Service, 'ask'>): StreamSource => {
  const read = createReader(database, service);
  return {
    live: (question, after) =>
      read(question, { nothingNew: (followed) => nothingAfter(followed, after) }, async (client, settings, active) => {
        const { scope, mapping } = settings;
        const [first = 0] = [...active.since.values()].sort((a, b) => a - b);
        const { watermark, forgotten } = active;
        if (active.since.size === 0) return emptyPage(String(watermark));
        const from = laterOf(at(first), readPosition(after ?? '0'));
        if (from.change < forgotten) throw changesForgotten(from.change, forgotten);
        const { changes, end } = await readChanges(
          client,
          { scope, fields: mapping.fields, segmentIds: [...active.since.keys()], ...question },
          from,
          watermark,
        );
        const mapped = mappedAttributes(mapping.fields);
        const page = new Page(settings);
        for (const { changed, changedAt, ...profile } of changes) {
          const verdict = verdictOn(changed, profile.memberships, active.since, mapped, settings.onlyChanges);
          if (!verdict.send) {
            page.leaveOut(verdict.reason);
            continue;
          }
          const { change } = changed;
          const eventId = idFrom('event', settings.destinationId, profile.profileId, change, 'live');
          const { memberships } = verdict;
          const exits = exitsOf(memberships.filter(({ segmentId }) => Object.hasOwn(changed.memberships, segmentId)));
          page.add(profile, { eventId, sequence: change, changedAt, memberships, exits });
        }
        return end ? page.close(writePosition(end), true) : page.close(String(watermark), false);
      }),

    backfill: (question, segmentId, after, live) =>
      read(question, { afresh: after === null }, async (client, settings, active) => {
        const since = active.since.get(segmentId);
        if (since === undefined) {
          if (settings.segments.has(segmentId)) throw activationUnheard(segmentId);
          return emptyPage(after ?? '');
        }
        const passed = live === undefined ? at(since) : live === null ? at(-1) : readPosition(live);
        if (passed.change < since) return { ...emptyPage(after ?? ''), more: true };
        return tellMembers(client, settings, question, active, { segmentId, since }, passed, after ?? '');
      }),

    preview: (question, segment, watermark) =>
      read(question, { afresh: true }, async (client, settings, { since: told }) => {
        const { segmentId } = segment;
        const since = new Map([...told, [segmentId, watermark]]);
        const imagined = withSegment(settings, segment);
        const all = { ...question, share: { of: 1, shares: [0] } };
        return tellMembers(client, imagined, all, { since }, { segmentId, since: watermark }, at(watermark), '');
      }),

    replay: (question, profileIds, live) =>
      read(question, {}, async (client, settings, active) => {
        const { scope, mapping, destinationId } = settings;
        const segmentIds = [...active.since.keys()];
        const passed = typeof live === 'string' ? readPosition(live) : at(active.watermark);
        const page = new Page(settings);
        for (const profileId of profileIds) {
          const profile = await readProfile(client, { scope, fields: mapping.fields, segmentIds }, profileId);
          const sequence = passedOf(passed, profileId);
          const memberships = profile ? asOf(sequence, profile, active) : [];
          if (!profile || memberships.length === 0) continue;
          const eventId = idFrom('event', destinationId, profileId, 'replay', question.context.commandId);
          const exits = exitsOf(memberships);
          page.add(profile, { eventId, sequence, changedAt: null, memberships, exits, replay: true });
        }
        return page.close('', false).events;
      }),
  };
};

/** Between two changes. */
const at = (change: number): LivePosition => ({ change, profileId: '' });

/** A page of the members that a segment has since before `since`, as they are; `passed`: by the live lane. */
const tellMembers = async (
  client: pg.ClientBase,
  settings: StreamSettings,
  question: Pick<EventsQuestion, 'share' | 'max'>,
  active: Pick<Active, 'since'>,
  segment: { readonly segmentId: string; readonly since: number },
  passed: LivePosition,
  after: string,
): Promise<EventsPage> => {
  const { scope, mapping, destinationId } = settings;
  const { share, max } = question;
  const reading = { scope, fields: mapping.fields, segmentIds: [...active.since.keys()], share, max };
  const rows = await readMembers(client, reading, segment, after);
  const page = new Page(settings);
  for (const profile of rows) {
    const { segmentId, since } = segment;
    const sequence = passedOf(passed, profile.profileId);
    const eventId = idFrom('event', destinationId, profile.profileId, since, 'backfill', segmentId);
    page.add(profile, { eventId, sequence, changedAt: null, memberships: asOf(sequence, profile, active) });
  }
  return page.close(rows.at(-1)?.profileId ?? after, rows.length === max);
};

/** Nothing is active, or nothing happened since: not worth asking anybody about. */
const nothingAfter = (followed: readonly Followed[], after: string | null): EventsPage | undefined => {
  const watermark = followed[0]?.watermark;
  if (watermark === undefined) return emptyPage(after ?? '0');
  return after === String(watermark) ? emptyPage(after) : undefined;
};

const exitsOf = (memberships: readonly Membership[]): number =>
  memberships.filter(({ status }) => status === 'exited').length;

/** Memberships as they stand, without those that changed after the sequence, which are told live. */
const asOf = (
  sequence: number,
  { memberships }: ReadProfile,
  { since }: Pick<Active, 'since'>,
): readonly Membership[] => memberships.filter(({ segmentId, change }) => since.has(segmentId) && change <= sequence);

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
      'Deactivate all of its segments and activate them again: everybody in them is then sent as they are. ' +
      'Who left them in between is not told as having left.',
  );
