import { type KinesisServer, type ReceivedRecord, startKinesisServer } from '@waybill/testkit/kinesis';
import type { PartnerAddress, PartnerSettings, Received } from './kinesis-server.js';

const STREAM = 'bench';
let server: KinesisServer | undefined;

const start = async ({ shards, throttled }: PartnerSettings): Promise<PartnerAddress> => {
  server = await startKinesisServer({ store: 'memory', streams: { [STREAM]: shards } });
  if (throttled > 0) {
    const fault = {
      kind: 'refuse-records',
      code: 'ProvisionedThroughputExceededException',
      which: () => Math.random() < throttled,
    } as const;
    server.inject('PutRecords', fault, Infinity);
  }
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return { endpoint, region, accessKeyId, secretAccessKey, stream: STREAM };
};

interface Event {
  readonly waybill: { readonly eventId: string; readonly profileId: string; readonly sequence: number };
}

const judge = (records: readonly ReceivedRecord[]): Received => {
  const seen = new Set<string>();
  const latest = new Map<string, number>();
  let disordered = 0;
  for (const { data } of records) {
    const { eventId, profileId, sequence } = (JSON.parse(data.toString()) as Event).waybill;
    if (seen.has(eventId)) continue;
    seen.add(eventId);
    if (sequence < (latest.get(profileId) ?? 0)) disordered += 1;
    latest.set(profileId, Math.max(sequence, latest.get(profileId) ?? 0));
  }
  return { records: records.length, events: seen.size, disordered };
};

const answer = async (question: { readonly start?: PartnerSettings }): Promise<PartnerAddress | Received> => {
  if (question.start) return start(question.start);
  const received = judge(server?.received(STREAM) ?? []);
  server?.forget();
  return received;
};

process.on('message', (question) => {
  answer(question as { start?: PartnerSettings }).then(
    (told) => process.send?.(told),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
