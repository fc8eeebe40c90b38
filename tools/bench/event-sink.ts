import { connectorFor, type Credentials, type EventSink } from '@waybill/connectors';
import { checkArrivals } from './arrivals.js';
import { CHANGES, EVENTS, TOLD } from './profile-events.js';
import type { BenchRequest } from './bare-loops.js';
import { inParallel, sendBare } from './requests.js';
import { alternate, type Bench, rates } from './result.js';
import {
  type BenchPartner,
  PARTNER_NAMES,
  type PartnerAddress,
  type PartnerType,
  startBenchPartner,
} from './stream-partner.js';

const NEVER = new AbortController().signal;
const REQUEST = 500;

/** Opens our sink at a partner, after the proofs that a destination goes through. */
export const openSink = async ({ type, method, authentication, target }: PartnerAddress): Promise<EventSink> => {
  const connector = connectorFor(type)!;
  const environment = { allowPrivateNetworks: true, signal: NEVER };
  const scope = { tenant: 'bench', sandbox: 'prod' };
  const account: Credentials = { scope, accountId: 'bench', method, authentication, findings: {} };
  const { findings } = await connector.proveCredentials(account, environment);
  const proven = await connector.proveTarget({ ...account, findings }, target, environment);
  return connector.openEventSink!({ ...account, findings: { ...findings, ...proven.findings } }, target, environment);
};

/** Records through our sink against a bare loop over the SDK as it comes, with the same requests. */
const sinkTo =
  (type: PartnerType): Bench =>
  async ({ rounds, progress }) => {
    const partner = await startBenchPartner(type);
    try {
      const requests = await makeRequests(partner);
      const ours = () => sendThroughSink(partner, requests);
      const bare = async () => {
        const speed = await sendBare(partner, requests);
        await checkArrivals(partner, TOLD, 'any order');
        return speed;
      };
      progress('warming up both');
      await bare();
      await ours();
      const measured = await alternate(rounds, ours, bare);
      return [
        rates({
          name: `${CHANGES.toLocaleString('en')} records to ${PARTNER_NAMES[type]}, sink alone`,
          ...measured,
          baselineName: 'bare SDK loop',
          unit: 'records/s',
          budget: { kind: 'ratio', atLeast: 0.9 },
        }),
      ];
    } finally {
      await partner.stop();
    }
  };

export const kinesisSink = sinkTo('amazon-kinesis');
export const eventHubsSink = sinkTo('azure-event-hubs');

const makeRequests = async (partner: PartnerAddress): Promise<readonly BenchRequest[]> => {
  const sink = await openSink(partner);
  await sink.close();
  const buckets = Map.groupBy(EVENTS, ({ key }) => sink.bucketOf(key));
  return [...buckets].flatMap(([bucket, records]) =>
    Array.from({ length: Math.ceil(records.length / REQUEST) }, (_, n) => ({
      bucket,
      records: records.slice(n * REQUEST, (n + 1) * REQUEST).map(({ key, data }) => ({ key, data })),
    })),
  );
};

const sendThroughSink = async (partner: BenchPartner, requests: readonly BenchRequest[]): Promise<number> => {
  const sink = await openSink(partner);
  try {
    const seconds = await inParallel(requests, async ({ bucket, records }) => {
      const batch = await sink.openBatch(bucket);
      for (const record of records) if (batch.add(record) !== 'added') throw new Error('A request is too small.');
      const failed = (await batch.send(NEVER)).find(({ sent }) => !sent);
      if (failed) throw new Error(JSON.stringify(failed));
    });
    await checkArrivals(partner, TOLD, 'any order');
    return CHANGES / seconds;
  } finally {
    await sink.close();
  }
};
