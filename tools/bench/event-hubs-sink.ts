import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { EventHubProducerClient } from '@azure/event-hubs';
import { connectorFor, type Credentials, type EventRecord, type EventSink } from '@waybill/connectors';
import { alternate, type Bench, rates } from './result.js';

const RECORDS = 100_000;
const BYTES = 1_000;
/** Batches under way at once, on both sides. */
const REQUESTS = 4;
const HUB = 'bench';
const NEVER = new AbortController().signal;

/** A batch, as both sides fill and send it. */
interface Batch {
  /** False: it is full. */
  add(record: EventRecord): boolean;
  send(): Promise<void>;
}
type OpenBatch = (bucket: string) => Promise<Batch>;

/** The sink of a delivery against the SDK alone, with the same batches, each in its partition by its key. */
export const eventHubsSink: Bench = async ({ rounds, progress }) => {
  const partner = fork(join(import.meta.dirname, 'event-hubs-partner.js'));
  try {
    const [connectionString] = (await once(partner, 'message')) as [string];
    const { sink, buckets } = await openSink(connectionString);
    const client = new EventHubProducerClient(connectionString, HUB, { retryOptions: { maxRetries: 0 } });
    const ours = () => timed(partner, buckets, ourBatch(sink));
    const bare = () => timed(partner, buckets, bareBatch(client));
    progress('warming up both');
    await bare();
    await ours();
    const measured = await alternate(rounds, ours, bare);
    await Promise.all([sink.close(), client.close()]);
    return [
      rates({
        name: `${RECORDS} records of 1 kB to Event Hubs, the sink alone`,
        ...measured,
        baselineName: 'SDK loop',
        unit: 'records/s',
        budget: { kind: 'ratio', atLeast: 0.9 },
      }),
    ];
  } finally {
    partner.kill();
  }
};

const openSink = async (connectionString: string) => {
  const account: Credentials = {
    scope: { tenant: 'bench', sandbox: 'prod' },
    accountId: 'bench',
    method: 'connection-string',
    authentication: { connectionString },
    findings: {},
  };
  const environment = { allowPrivateNetworks: true, signal: NEVER };
  const sink = await connectorFor('azure-event-hubs')!.openEventSink!(account, { eventHub: HUB }, environment);
  const data = randomBytes(BYTES);
  const buckets = new Map<string, EventRecord[]>();
  for (let n = 0; n < RECORDS; n += 1) {
    const key = `profile-${n}`;
    const bucket = sink.bucketOf(key);
    const records = buckets.get(bucket);
    if (records) records.push({ key, data });
    else buckets.set(bucket, [{ key, data }]);
  }
  return { sink, buckets };
};

const ourBatch =
  (sink: EventSink): OpenBatch =>
  async (bucket) => {
    const batch = await sink.openBatch(bucket);
    return {
      add: (record) => batch.add(record) === 'added',
      send: async () => {
        const failed = (await batch.send(NEVER)).find(({ sent }) => !sent);
        if (failed) throw new Error(JSON.stringify(failed));
      },
    };
  };

const bareBatch =
  (client: EventHubProducerClient): OpenBatch =>
  async (bucket) => {
    const batch = await client.createBatch({ partitionKey: bucket });
    return {
      add: ({ key, data }) => batch.tryAdd({ body: data, properties: { 'record-key': key } }),
      send: () => client.sendBatch(batch),
    };
  };

/** Records a second, until all are acknowledged. */
const timed = async (
  partner: ChildProcess,
  buckets: ReadonlyMap<string, readonly EventRecord[]>,
  open: OpenBatch,
): Promise<number> => {
  const before = await countOf(partner);
  const waiting = [...buckets];
  const worker = async () => {
    for (let next = waiting.pop(); next; next = waiting.pop()) await sendBucket(...next, open);
  };
  const started = performance.now();
  await Promise.all(Array.from({ length: REQUESTS }, worker));
  const seconds = (performance.now() - started) / 1_000;
  const arrived = (await countOf(partner)) - before;
  if (arrived !== RECORDS) throw new Error(`${arrived} of ${RECORDS} records arrived.`);
  return RECORDS / seconds;
};

const sendBucket = async (bucket: string, records: readonly EventRecord[], open: OpenBatch): Promise<void> => {
  let batch = await open(bucket);
  for (const record of records) {
    if (batch.add(record)) continue;
    await batch.send();
    batch = await open(bucket);
    if (!batch.add(record)) throw new Error('A record fits into no batch.');
  }
  await batch.send();
};

const countOf = async (partner: ChildProcess): Promise<number> => {
  partner.send('count');
  const [count] = (await once(partner, 'message')) as [number];
  return count;
};
