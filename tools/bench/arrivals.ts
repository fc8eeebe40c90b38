import type { Arrival, BenchPartner } from './stream-partner.js';

/** What an event is known by on both sides. */
export type Told = Pick<Arrival, 'profileId' | 'sequence'>;

const nameOf = ({ profileId, sequence }: Told): string => `${profileId} ${sequence}`;

/** A few of them, to look for. */
const some = (names: readonly string[]): string => names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');

/** Throws unless each expected event arrived, no other did, and those of each profile came in their order where it counts. */
export const checkArrivals = async (
  partner: BenchPartner,
  expected: readonly Told[],
  order: 'in order' | 'any order' = 'in order',
): Promise<readonly Arrival[]> => {
  const { arrivals } = await partner.received();
  const missing = new Set(expected.map(nameOf));
  const latest = new Map<string, number>();
  const unexpected: string[] = [];
  const disordered: string[] = [];
  for (const arrival of arrivals) {
    const { profileId, sequence } = arrival;
    if (!missing.delete(nameOf(arrival))) unexpected.push(nameOf(arrival));
    if (order === 'in order' && sequence < (latest.get(profileId) ?? 0)) disordered.push(nameOf(arrival));
    latest.set(profileId, Math.max(sequence, latest.get(profileId) ?? 0));
  }
  const faults = [
    ['did not arrive', [...missing]],
    ['arrived that nobody sent', unexpected],
    ['came after a later one of their profile', disordered],
  ] as const;
  const told = faults.filter(([, names]) => names.length > 0);
  if (told.length > 0) {
    throw new Error(told.map(([what, names]) => `${names.length} events ${what}: ${some(names)}.`).join(' '));
  }
  return arrivals;
};
