import { randomUUID } from 'node:crypto';
import type { EventSink } from '@waybill/connectors';
import { DestinationSender, type Feed, type FeedPage, SENDER_LIMITS } from '@waybill/delivery';
import { bareLoop, type BenchRequest } from './bare-loops.js';
import { openSink } from './event-sink.js';
import { alternate, type Bench, type BenchRow, rates } from './result.js';
import { type BenchPartner, type PartnerSettings, startBenchPartner } from './stream-partner.js';

const CHANGES = 100_000;
/** Each changes ten times, so that there is an order to keep. */
const PROFILES = 10_000;
const FAILING = 0.05;
const NAMES = { 'amazon-kinesis': 'Kinesis', 'azure-event-hubs': 'Event Hubs' } as const;

/**
 * A lane, with its order, retries and bookkeeping, against a bare loop over the SDK: the same batches, as many at once, on the
 * same server. And the same while 5 % of the records fail each time: nothing may be lost, nothing turned around.
 */
const laneTo =
  (type: PartnerSettings['type']): Bench =>
  async ({ rounds, progress }) => {
    const partner = await startBenchPartner({ type, shards: 4 });
    try {
      const batches: BenchRequest[] = [];
      progress('warming up both');
      await sendAll(partner, (sink) => recording(sink, batches));
      await sendBare(partner, batches);
      const measured = await alternate(
        rounds,
        () => sendAll(partner),
        () => sendBare(partner, batches),
      );
      const name = `${CHANGES.toLocaleString('en')} changes through a lane to ${NAMES[type]}`;
      const failing = await alternate(
        rounds,
        async () => {
          await partner.fail(FAILING);
          return sendAll(partner).finally(() => partner.fail(0));
        },
        () => sendBare(partner, batches),
      );
      const row = (of: string, speeds: typeof measured, atLeast: number): BenchRow =>
        rates({
          name: of,
          ...speeds,
          baselineName: 'bare SDK loop',
          unit: 'records/s',
          budget: { kind: 'ratio', atLeast },
        });
      return [row(name, measured, 0.9), row(`${name}, 5 % failing each time`, failing, 0.6)];
    } finally {
      await partner.stop();
    }
  };

export const kinesisLane = laneTo('amazon-kinesis');
export const eventHubsLane = laneTo('azure-event-hubs');

const EVENTS: FeedPage['events'] = Array.from({ length: CHANGES }, (_, n) => {
  const profileId = `profile-${n % PROFILES}`;
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

/** All events, page by page, as a reader of the database would give them. */
const feedOfAll = (): Feed => {
  let next = 0;
  return {
    name: 'bench',
    priority: 'live',
    ends: true,
    async read(max) {
      const events = EVENTS.slice(next, next + max);
      next += events.length;
      return { events, reached: String(next), more: next < EVENTS.length, leftOut: {} };
    },
  };
};

const UNOBSERVED = {
  sent: () => undefined,
  retried: () => undefined,
  throttled: () => undefined,
  givenUp: (code: string) => {
    throw new Error(`A record was given up: ${code}`);
  },
  troubled: (error: unknown) => console.error(error),
};

/** Records a second, from a connection that stands until everything is settled. */
const sendAll = async (partner: BenchPartner, through: (sink: EventSink) => EventSink = (sink) => sink) => {
  const sink = through(await openSink(partner, new AbortController().signal));
  const tenure = { signal: new AbortController().signal, isOver: () => false };
  const started = performance.now();
  const seconds = await new Promise<number>((resolve) => {
    const sender = new DestinationSender(
      {
        openSink: async () => sink,
        async settle(settlements) {
          if (settlements.at(-1)?.reached !== String(CHANGES)) return;
          resolve((performance.now() - started) / 1_000);
          setImmediate(() => void sender.drain(1_000));
        },
        tenure,
        observer: UNOBSERVED,
        limits: { ...SENDER_LIMITS, settleMs: 20 },
      },
      [feedOfAll()],
    );
  });
  await check(partner);
  return CHANGES / seconds;
};

const sendBare = async (partner: BenchPartner, batches: readonly BenchRequest[]): Promise<number> => {
  const loop = bareLoop(partner);
  // As long as ours, which has proven its target, it has a connection.
  await loop.send({ bucket: batches[0]!.bucket, records: batches[0]!.records.slice(0, 1) });
  await partner.received();
  const left = batches.values();
  const started = performance.now();
  await Promise.all(
    Array.from({ length: SENDER_LIMITS.requests }, async () => {
      for (const batch of left) await loop.send(batch);
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  await loop.close();
  const { events } = await partner.received();
  if (events !== CHANGES) throw new Error(`${events} of ${CHANGES} events arrived.`);
  return CHANGES / seconds;
};

const check = async (partner: BenchPartner): Promise<void> => {
  const { events, disordered } = await partner.received();
  if (events !== CHANGES) throw new Error(`${events} of ${CHANGES} events arrived.`);
  if (disordered > 0) throw new Error(`${disordered} events came after a later one of their profile.`);
};

/** The batches that a lane makes, for the bare loop to send the same. */
const recording = (sink: EventSink, into: BenchRequest[]): EventSink => ({
  atomicBatches: sink.atomicBatches,
  mostRecordBytes: sink.mostRecordBytes,
  bucketOf: (key) => sink.bucketOf(key),
  close: () => sink.close(),
  async openBatch(bucket) {
    const batch = await sink.openBatch(bucket);
    const records: BenchRequest['records'][number][] = [];
    return {
      add(record) {
        const added = batch.add(record);
        if (added === 'added') records.push(record);
        return added;
      },
      get records() {
        return batch.records;
      },
      get bytes() {
        return batch.bytes;
      },
      send(signal) {
        into.push({ bucket, records });
        return batch.send(signal);
      },
    };
  },
});
