import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  type Shard,
} from '@aws-sdk/client-kinesis';
import { type Availability, available, unavailable } from '../availability/index.js';

export interface NamedKinesis {
  /** '' for AWS itself. */
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** One that tests may write to; what stands in it is left alone. */
  readonly stream: string;
}

/** Any Kinesis, AWS among it, named by `WAYBILL_TEST_KINESIS_REGION`, `_ACCESS_KEY_ID`, `_SECRET_ACCESS_KEY`, `_STREAM` and, elsewhere than AWS, `_ENDPOINT`. */
export const findNamedKinesis = (): Availability<NamedKinesis> => {
  const { env } = process;
  const needed = {
    region: env['WAYBILL_TEST_KINESIS_REGION'] ?? '',
    accessKeyId: env['WAYBILL_TEST_KINESIS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: env['WAYBILL_TEST_KINESIS_SECRET_ACCESS_KEY'] ?? '',
    stream: env['WAYBILL_TEST_KINESIS_STREAM'] ?? '',
  };
  return Object.values(needed).every(Boolean)
    ? available({ ...needed, endpoint: env['WAYBILL_TEST_KINESIS_ENDPOINT'] ?? '' })
    : unavailable('WAYBILL_TEST_KINESIS_REGION, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY and _STREAM name none');
};

/** The consumer's own eyes on a stream: what came since it began to look. */
export interface KinesisObserver {
  received(): Promise<readonly { readonly key: string; readonly data: Buffer }[]>;
  close(): void;
}

export const observeKinesis = ({ endpoint, region, stream, ...credentials }: NamedKinesis): KinesisObserver => {
  const since = new Date();
  const client = new KinesisClient({ region, credentials, ...(endpoint === '' ? {} : { endpoint }) });

  const readShard = async ({ ShardId }: Shard) => {
    const start = { StreamName: stream, ShardId, ShardIteratorType: 'AT_TIMESTAMP', Timestamp: since } as const;
    const { ShardIterator } = await client.send(new GetShardIteratorCommand(start));
    const records: { key: string; data: Buffer }[] = [];
    for (let at = ShardIterator; at !== undefined;) {
      const {
        Records = [],
        NextShardIterator,
        MillisBehindLatest,
      } = await client.send(new GetRecordsCommand({ ShardIterator: at }));
      records.push(...Records.map(({ PartitionKey, Data }) => ({ key: PartitionKey!, data: Buffer.from(Data!) })));
      at = MillisBehindLatest === 0 ? undefined : NextShardIterator;
    }
    return records;
  };

  return {
    received: async () => {
      const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
      return (await Promise.all(Shards.map(readShard))).flat();
    },
    close: () => client.destroy(),
  };
};
