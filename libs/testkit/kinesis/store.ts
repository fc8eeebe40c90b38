/** A record as it stands in a request. */
export interface RequestRecord {
  readonly PartitionKey: string;
  /** Base64. */
  readonly Data: string;
  readonly ExplicitHashKey?: string;
}

export interface PutRecordsInput {
  readonly StreamName: string;
  readonly Records: readonly RequestRecord[];
  readonly DryRun?: boolean;
}

export interface Placed {
  readonly ShardId: string;
  readonly SequenceNumber: string;
}

/** Keeps streams. Each rejects with a KinesisError. */
export interface Store {
  createStream(name: string, shards: number): Promise<void>;
  /** The answer to DescribeStreamSummary, without its envelope. */
  describe(name: string): Promise<Readonly<Record<string, unknown>>>;
  /** All or none, by position. */
  put(input: PutRecordsInput): Promise<readonly Placed[]>;
  close(): Promise<void>;
}
