import { startEventHubsServer } from '@waybill/testkit/event-hubs';
import { KinesisError, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Arrival, PartnerAddress, PartnerQuestion, PartnerType, Received } from './stream-partner.js';

/** A record as a server of the test kit received it, with its time on the clock of this process. */
interface ReceivedRecord {
  readonly data: Buffer;
  readonly at: number;
}

interface Partner {
  readonly address: PartnerAddress;
  count(): number;
  /** Since it was last asked; in the order of arrival, as far as their own order goes. */
  received(): readonly ReceivedRecord[];
  fail(part: number): void;
  away(away: boolean): void;
}

/** Shards; partitions. */
const SHARDS = 4;
const PARTITIONS = 32;

const kinesis = async (): Promise<Partner> => {
  const stream = 'bench';
  let count = 0;
  const server = await startKinesisServer({
    // Without kinesalite, which would be slower than whoever sends.
    store: 'memory',
    streams: { [stream]: SHARDS },
    onRecords: (_stream, records) => (count += records),
  });
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const authentication = { endpoint, region, accessKeyId, secretAccessKey };
  return {
    address: { type: 'amazon-kinesis', method: 'access-key', authentication, target: { stream } },
    count: () => count,
    received() {
      const records = server.received(stream);
      server.forget();
      count = 0;
      return records;
    },
    fail(part) {
      server.reset();
      if (part === 0) return;
      const which = () => Math.random() < part;
      server.inject('PutRecords', { kind: 'refuse-records', code: 'InternalFailure', which }, Infinity);
    },
    away(away) {
      server.reset();
      const error = new KinesisError('ServiceUnavailable', 'The service is away.', 503);
      if (away) server.inject('PutRecords', { kind: 'answer', error }, Infinity);
    },
  };
};

const eventHubs = async (): Promise<Partner> => {
  const eventHub = 'bench';
  let failing = 0;
  const server = await startEventHubsServer({
    hubs: { [eventHub]: PARTITIONS },
    onBatch: () => {
      if (Math.random() < failing) server.inject('send', { kind: 'refuse', condition: 'amqp:internal-error' });
    },
  });
  const authentication = { connectionString: server.connectionString() };
  return {
    address: { type: 'azure-event-hubs', method: 'connection-string', authentication, target: { eventHub } },
    count: () => server.count(eventHub),
    received() {
      const records = server.received(eventHub).map(({ body, at }) => ({ data: body, at }));
      server.forget();
      return records;
    },
    fail(part) {
      failing = part;
      server.reset();
    },
    away(away) {
      server.reset();
      if (!away) return;
      for (const operation of ['attach', 'send'] as const)
        server.inject(operation, { kind: 'drop', kept: false }, Infinity);
    },
  };
};

interface Event {
  readonly waybill: { readonly eventId: string; readonly profileId: string; readonly sequence: number };
}

const arrivalsOf = (records: readonly ReceivedRecord[]): readonly Arrival[] => {
  const seen = new Set<string>();
  return records.flatMap(({ data, at }) => {
    const { eventId, profileId, sequence } = (JSON.parse(data.toString()) as Event).waybill;
    if (seen.has(eventId)) return [];
    seen.add(eventId);
    return [{ profileId, sequence, at: performance.timeOrigin + at }];
  });
};

let partner: Partner | undefined;

const start = async (type: PartnerType): Promise<PartnerAddress> => {
  partner = await (type === 'amazon-kinesis' ? kinesis() : eventHubs());
  return partner.address;
};

const answer = async (question: PartnerQuestion): Promise<PartnerAddress | Received | number | true> => {
  if ('start' in question) return start(question.start);
  if ('report' in question) {
    const records = partner?.received() ?? [];
    return { records: records.length, arrivals: arrivalsOf(records) };
  }
  if ('count' in question) return partner?.count() ?? 0;
  if ('fail' in question) partner?.fail(question.fail);
  else partner?.away(question.away);
  return true;
};

process.on('message', (question) => {
  answer(question as PartnerQuestion).then(
    (told) => process.send?.(told),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
