import { startEventHubsServer } from '@waybill/testkit/event-hubs';
import { startKinesisServer } from '@waybill/testkit/kinesis';
import type { PartnerAddress, PartnerQuestion, PartnerSettings, Received } from './stream-partner.js';

interface Partner {
  readonly address: PartnerAddress;
  /** In the order of arrival, as far as their own order goes. */
  received(): readonly Buffer[];
  fail(part: number): void;
}

const kinesis = async (shards: number): Promise<Partner> => {
  const stream = 'bench';
  // Without kinesalite, which would be slower than whoever sends.
  const server = await startKinesisServer({ store: 'memory', streams: { [stream]: shards } });
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  const authentication = { endpoint, region, accessKeyId, secretAccessKey };
  return {
    address: { type: 'amazon-kinesis', method: 'access-key', authentication, target: { stream } },
    received() {
      const records = server.received(stream).map(({ data }) => data);
      server.forget();
      return records;
    },
    fail(part) {
      server.reset();
      if (part === 0) return;
      const which = () => Math.random() < part;
      server.inject('PutRecords', { kind: 'refuse-records', code: 'InternalFailure', which }, Infinity);
    },
  };
};

const eventHubs = async (partitions: number): Promise<Partner> => {
  const eventHub = 'bench';
  let failing = 0;
  let taken = 0;
  const server = await startEventHubsServer({
    hubs: { [eventHub]: partitions },
    onBatch: () => {
      if (Math.random() < failing) server.inject('send', { kind: 'refuse', condition: 'amqp:internal-error' });
    },
  });
  const authentication = { connectionString: server.connectionString() };
  return {
    address: { type: 'azure-event-hubs', method: 'connection-string', authentication, target: { eventHub } },
    received() {
      const records = server.received(eventHub).slice(taken);
      taken += records.length;
      return records.map(({ body }) => body);
    },
    fail(part) {
      failing = part;
      server.reset();
    },
  };
};

interface Event {
  readonly waybill: { readonly eventId: string; readonly profileId: string; readonly sequence: number };
}

const judge = (records: readonly Buffer[]): Received => {
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  let disordered = 0;
  for (const data of records) {
    const { eventId, profileId, sequence } = (JSON.parse(data.toString()) as Event).waybill;
    if (seen.has(eventId)) continue;
    seen.add(eventId);
    if (sequence < (latest.get(profileId) ?? 0)) disordered += 1;
    latest.set(profileId, Math.max(sequence, latest.get(profileId) ?? 0));
  }
  return { records: records.length, events: seen.size, disordered };
};

let partner: Partner | undefined;

const start = async ({ type, shards }: PartnerSettings): Promise<PartnerAddress> => {
  partner = await (type === 'amazon-kinesis' ? kinesis(shards) : eventHubs(shards));
  return partner.address;
};

const answer = async (question: PartnerQuestion): Promise<PartnerAddress | Received | true> => {
  if ('start' in question) return start(question.start);
  if ('report' in question) return judge(partner?.received() ?? []);
  partner?.fail(question.fail);
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
