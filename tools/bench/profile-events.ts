import { hash, randomUUID } from 'node:crypto';
import type { ProfileEvent } from '@waybill/delivery';

export const CHANGES = 100_000;
/** Each changes ten times on average, at any time, so that there is an order to keep. */
const PROFILES = 10_000;

const profileOf = (n: number): string => `profile-${hash('sha256', String(n), 'buffer').readUInt32BE(0) % PROFILES}`;

/** Changes of profiles as the source hands them over, as large as they are there; the same on every run but for their ids. */
export const EVENTS: readonly ProfileEvent[] = Array.from({ length: CHANGES }, (_, n) => {
  const profileId = profileOf(n);
  const eventId = randomUUID();
  const event = {
    person: { name: { firstName: `First ${n}`, lastName: `Last ${n}` } },
    segmentMembership: { ups: { vip: { lastQualificationTime: '2026-11-22T12:00:00.000Z', status: 'realized' } } },
    identityMap: { email: [{ id: `${profileId}@example.com` }] },
    waybill: {
      version: 1,
      eventId,
      profileId,
      sequence: n + 1,
      changedAt: '2026-11-22T12:00:00.000Z',
      tenant: 'default',
      sandbox: 'prod',
      destinationId: eventId,
      mappingRevision: 1,
      replay: false,
    },
  };
  const key = hash('sha256', profileId);
  return { change: n + 1, profileId, eventId, key, data: Buffer.from(JSON.stringify(event)) };
});

/** By what `checkArrivals` knows them. */
export const TOLD = EVENTS.map(({ profileId, change }) => ({ profileId, sequence: change }));
