import { randomUUID } from 'node:crypto';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import { connectorFor, type Credentials, type Environment, type EventRecord } from '@waybill/connectors';
import { type PartnerAddress, startBenchPartner } from './kinesis-server.js';
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
  const partner = await startBenchPartner({ shards: 4, throttled: 0 });
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
    await timed(bareLoop);
    await timed(ourSink);
    const measured = await alternate(
      rounds,
      () => timed(ourSink),
      () => timed(bareLoop),
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

const bareLoop: Side = ({ endpoint, region, accessKeyId, secretAccessKey, stream }) => {
  const client = new KinesisClient({ endpoint, region, credentials: { accessKeyId, secretAccessKey } });
  return Promise.resolve(async (records) => {
    const Records = records.map(({ key, data }) => ({ PartitionKey: key, Data: data }));
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
    if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records failed.`);
  });
};

const ourSink: Side = async ({ stream, ...authentication }) => {
  const connector = connectorFor('amazon-kinesis')!;
  const { signal } = new AbortController();
  const environment: Environment = { allowPrivateNetworks: true, signal };
  const account: Credentials = {
    scope: { tenant: 'bench', sandbox: 'prod' },
    accountId: 'bench',
    method: 'access-key',
    authentication,
    findings: {},
  };
  const { findings } = await connector.proveCredentials(account, environment);
  const sink = await connector.openEventSink!({ ...account, findings }, { stream }, environment);
  return async (records) => {
    const batch = await sink.openBatch('');
    for (const record of records) if (batch.add(record) !== 'added') throw new Error('A request is too small.');
    const outcomes = await batch.send(signal);
    if (!outcomes.every(({ sent }) => sent)) throw new Error('Some records failed.');
  };
};
