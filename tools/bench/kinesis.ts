import { randomUUID } from 'node:crypto';
import type { EventRecord } from '@waybill/connectors';
import { bareLoop } from './bare-loops.js';
import { openSink } from './event-sink.js';
import { type PartnerAddress, startBenchPartner } from './stream-partner.js';
import { alternate, type Bench, rates } from './result.js';

const RECORDS = 100_000;
const REQUEST = 500;
/** Requests in flight, on either side. */
const CONCURRENCY = 4;

/**
 * Records through our sink against a bare loop over the SDK, as it comes, with the same batches. The partner is the test
 * kit's front, which checks signatures, without kinesalite, which would be slower than either.
 */
export const kinesisSink: Bench = async ({ rounds, progress }) => {
  const partner = await startBenchPartner({ type: 'amazon-kinesis', shards: 4 });
  try {
    const requests = makeRequests();
    const timed = async (side: Side): Promise<number> => {
      const started = performance.now();
      const send = await side(partner);
      await inParallel(requests, send);
      const seconds = (performance.now() - started) / 1000;
      const { events } = await partner.received();
      if (events !== RECORDS) throw new Error(`${events} of ${RECORDS} events arrived.`);
      return RECORDS / seconds;
    };
    progress('warming up both');
    await timed(bare);
    await timed(ourSink);
    const measured = await alternate(
      rounds,
      () => timed(ourSink),
      () => timed(bare),
    );
    const name = `${RECORDS.toLocaleString('en')} records to Kinesis, sink alone`;
    const budget = { kind: 'ratio', atLeast: 0.9 } as const;
    return [rates({ name, ...measured, baselineName: 'a bare SDK loop', unit: 'records/s', budget })];
  } finally {
    await partner.stop();
  }
};

/** Opens what sends one request. */
type Side = (partner: PartnerAddress) => Promise<(records: readonly EventRecord[]) => Promise<void>>;

/** Each profile once in a request, as order asks for. */
const makeRequests = (): readonly (readonly EventRecord[])[] =>
  Array.from({ length: RECORDS / REQUEST }, (_, sequence) =>
    Array.from({ length: REQUEST }, (_unused, profile) => {
      const event = {
        person: { name: { firstName: `First ${profile}`, lastName: `Last ${profile}` } },
        personalEmail: { address: `profile-${profile}@example.com` },
        segmentMembership: { ups: { vip: { lastQualificationTime: '2026-11-22T12:00:00Z', status: 'realized' } } },
        identityMap: { email: [{ id: `profile-${profile}@example.com` }], crmId: [{ id: String(profile) }] },
        waybill: { eventId: randomUUID(), profileId: String(profile), sequence },
      };
      return { key: `profile-${profile}`, data: Buffer.from(JSON.stringify(event)) };
    }),
  );

const inParallel = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const left = items.values();
  const worker = async () => {
    for (const item of left) await work(item);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
};

const bare: Side = (address) => {
  const loop = bareLoop(address);
  return Promise.resolve((records) => loop.send({ bucket: '', records }));
};

const ourSink: Side = async (address) => {
  const { signal } = new AbortController();
  const sink = await openSink(address, signal);
  return async (records) => {
    const batch = await sink.openBatch('');
    for (const record of records) if (batch.add(record) !== 'added') throw new Error('A request is too small.');
    const outcomes = await batch.send(signal);
    if (!outcomes.every(({ sent }) => sent)) throw new Error('Some records failed.');
  };
};
