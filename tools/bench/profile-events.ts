import { hash, randomUUID } from 'node:crypto';
import type { ProfileEvent } from '@waybill/delivery';

export const CHANGES = 100_000;
/** Each changes ten times on average, at any time, so that there is an order to keep. */
const PROFILES = 10_000;

const profileOf = (n: number): string => `profile-${hash('sha256', String(n), 'buffer').readUInt32BE(0) % PROFILES}`;

/** Changes of profiles as the source hands them over, the same on every run but for their ids. */
export const EVENTS: readonly ProfileEvent[] = Array.from({ length: CHANGES }, (_, n) => {
  const profileId = profileOf(n);
  const eventId = randomUUID();
  const event = {
    person: { name: { firstName: `First ${n}`, lastName: `Last ${n}` } },
    personalEmail: { address: `${profileId}@example.com` },
    segmentMembership: { ups: { vip: { lastQualificationTime: '2026-11-22T12:00:00Z', status: 'realized' } } },
    identityMap: { email: [{ id: `${profileId}@example.com` }], crmId: [{ id: profileId }] },
    waybill: { eventId, profileId, sequence: n + 1 },
  };
  return { change: n + 1, profileId, eventId, key: profileId, data: Buffer.from(JSON.stringify(event)) };
});

/** By what `checkArrivals` knows them. */
export const TOLD = EVENTS.map(({ profileId, change }) => ({ profileId, sequence: change }));
