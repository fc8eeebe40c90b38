import { EventHubProducerClient } from '@azure/event-hubs';
import { KinesisClient, PutRecordsCommand } from '@aws-sdk/client-kinesis';
import type { EventRecord } from '@waybill/connectors';
import type { PartnerAddress } from './stream-partner.js';

/** The records of one request, and the partition key of it where there is one. */
export interface BenchRequest {
  readonly bucket: string;
  readonly records: readonly EventRecord[];
}

interface BareLoop {
  send(request: BenchRequest): Promise<void>;
  close(): Promise<void>;
}

/** What anybody would write with the SDK as it comes: a request, its answer, the next. */
export const bareLoop = ({ type, authentication, target }: PartnerAddress): BareLoop =>
  type === 'amazon-kinesis' ? kinesis(authentication, target) : eventHubs(authentication, target);

type Fields = Readonly<Record<string, string>>;

const kinesis = ({ endpoint, region, accessKeyId, secretAccessKey }: Fields, { stream }: Fields): BareLoop => {
  const credentials = { accessKeyId: accessKeyId!, secretAccessKey: secretAccessKey! };
  const client = new KinesisClient({ endpoint: endpoint!, region: region!, credentials });
  return {
    async send({ records }) {
      const Records = records.map(({ key, data }) => ({ PartitionKey: key, Data: data }));
      const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
      if (FailedRecordCount !== 0) throw new Error(`${FailedRecordCount} records failed.`);
    },
    close: async () => client.destroy(),
  };
};

const eventHubs = ({ connectionString }: Fields, { eventHub }: Fields): BareLoop => {
  const producer = new EventHubProducerClient(connectionString!, eventHub!);
  return {
    async send({ bucket, records }) {
      const batch = await producer.createBatch({ partitionKey: bucket });
      for (const { key, data, properties } of records) {
        const event = { body: data, properties: { ...properties, 'record-key': key } };
        if (!batch.tryAdd(event)) throw new Error('A batch is too small.');
      }
      await producer.sendBatch(batch);
    },
    close: () => producer.close(),
  };
};
