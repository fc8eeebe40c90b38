import { hash } from 'node:crypto';
import { membersOf, payloadOf } from './payload.js';
import type { EventsPage, ProfileEvent, UnsendableEvent } from './port.js';
import type { ReadProfile } from './query.js';
import type { StreamSettings } from './settings.js';
import type { Membership } from './trigger.js';

export const emptyPage = (reached: string): EventsPage => ({ events: [], reached, more: false, leftOut: {} });

export interface Telling {
  readonly eventId: string;
  readonly sequence: number;
  readonly changedAt: string | null;
  readonly memberships: readonly Membership[];
  /** Of the memberships, those whose exit this event is there to tell; others were told before. */
  readonly exits?: number;
  readonly replay?: boolean;
}

/** Events as they are made, and the count of what led to none. */
export class Page {
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

  add(profile: ReadProfile, { replay = false, exits = 0, ...facts }: Telling): void {
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
    this.events.push({ ...about, key, data, exits });
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
  return value === undefined ? undefined : hash('sha256', value);
};

const keyMissing = ({ partitionKey }: StreamSettings) => ({
  code: 'partition-key-missing',
  message: `The profile has no ${partitionKey}, which the destination takes the partition key from.`,
});
