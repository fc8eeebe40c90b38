import type { EventSink } from '@waybill/connectors';
import { DestinationSender, type Feed, SENDER_LIMITS } from '@waybill/delivery';
import { checkArrivals } from './arrivals.js';
import { openSink } from './event-sink.js';
import { CHANGES, EVENTS, TOLD } from './profile-events.js';
import type { BenchRequest } from './bare-loops.js';
import { sendBare } from './requests.js';
import { alternate, type Bench, type BenchRow, rates } from './result.js';
import { type BenchPartner, PARTNER_NAMES, type PartnerType, startBenchPartner } from './stream-partner.js';

const FAILING = 0.05;

/**
 * A lane, with its order, retries and bookkeeping, against a bare loop over the SDK: the same batches, as many at once, on the
 * same server. And the same while 5 % of the records fail each time: nothing may be lost, nothing turned around.
 */
const laneTo =
  (type: PartnerType): Bench =>
  async ({ rounds, progress }) => {
    const partner = await startBenchPartner(type);
    try {
      progress('warming up both');
      const requests = await requestsOfLane(partner);
      const bare = async () => {
        const speed = await sendBare(partner, requests);
        await checkArrivals(partner, TOLD, 'any order');
        return speed;
      };
      await bare();
      const measured = await alternate(rounds, () => sendAll(partner), bare);
      const failing = await alternate(
        rounds,
        async () => {
          await partner.fail(FAILING);
          return sendAll(partner).finally(() => partner.fail(0));
        },
        bare,
      );
      const name = `${CHANGES.toLocaleString('en')} changes through a lane to ${PARTNER_NAMES[type]}`;
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
  const sink = through(await openSink(partner));
  const tenure = { signal: new AbortController().signal, isOver: () => false };
  const settled = Promise.withResolvers<void>();
  const started = performance.now();
  const sender = new DestinationSender(
    {
      openSink: async () => sink,
      settle: async (settlements) => {
        if (settlements.at(-1)?.reached === String(CHANGES)) settled.resolve();
      },
      tenure,
      observer: UNOBSERVED,
      limits: { ...SENDER_LIMITS, settleMs: 20 },
    },
    [feedOfAll()],
  );
  await settled.promise;
  const seconds = (performance.now() - started) / 1_000;
  await sender.drain(1_000);
  await checkArrivals(partner, TOLD);
  return CHANGES / seconds;
};

/** The requests that a lane makes of all events, for the bare loop to send the same. */
export const requestsOfLane = async (partner: BenchPartner): Promise<readonly BenchRequest[]> => {
  const requests: BenchRequest[] = [];
  await sendAll(partner, (sink) => recording(sink, requests));
  return requests;
};

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
