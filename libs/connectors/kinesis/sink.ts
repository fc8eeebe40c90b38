import { type KinesisClient, PutRecordsCommand, type PutRecordsResultEntry } from '@aws-sdk/client-kinesis';
import type { Connector, EventBatch, EventOutcome, EventRecord, EventSink } from '../port.js';
import { plain } from '../plain.js';
import { accessOf, uriOf } from './access.js';
import { type KinesisTimeouts, openClient } from './client.js';
import { isInvalid, isThrottling, partnerError, problemOf, providerCodeOf } from './failure.js';
import { limitsOf } from './limits.js';
import { Packing } from './packing.js';

/** What the answer says of one record; undefined when it says nothing. */
const outcomeOf = (entry: PutRecordsResultEntry | undefined): EventOutcome => {
  if (entry?.SequenceNumber !== undefined) {
    return { sent: true, at: `${entry.ShardId ?? ''}:${entry.SequenceNumber}` };
  }
  const code = plain(entry?.ErrorCode ?? 'NoOutcome');
  return {
    sent: false,
    code,
    message: plain(entry?.ErrorMessage ?? 'The answer says nothing of this record; whether it landed is unknown.'),
    kind: isThrottling(code) ? 'throttled' : 'failed',
  };
};

/** Of a request that was turned away whole, for each of its records. */
const turnedAway = (error: unknown, kind: 'throttled' | 'refused', records: readonly EventRecord[]): EventOutcome[] => {
  const { message } = problemOf(error);
  const told = error instanceof Error && error.message !== '' ? ` The server says: ${plain(error.message)}` : '';
  return records.map(() => ({ sent: false, code: providerCodeOf(error), message: `${message}${told}`, kind }));
};

class KinesisSink implements EventSink {
  readonly atomicBatches = false;
  readonly mostRecordBytes: number;

  constructor(
    private readonly client: KinesisClient,
    private readonly stream: string,
    private readonly uri: string,
    private readonly limits: ReturnType<typeof limitsOf>,
    private readonly deadlineMs: number,
    private readonly ended: AbortSignal,
  ) {
    this.mostRecordBytes = limits.recordBytes;
  }

  bucketOf(): string {
    return '';
  }

  openBatch(): Promise<EventBatch> {
    const packing = new Packing(this.limits);
    return Promise.resolve({
      add: (record) => packing.add(record),
      get records() {
        return packing.records.length;
      },
      get bytes() {
        return packing.bytes;
      },
      send: (signal) => this.#send(packing.records, AbortSignal.any([signal, this.ended])),
    });
  }

  async #send(records: readonly EventRecord[], signal: AbortSignal): Promise<readonly EventOutcome[]> {
    signal.throwIfAborted();
    const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(this.deadlineMs)]);
    try {
      const { Records = [] } = await this.client.send(
        new PutRecordsCommand({
          StreamName: this.stream,
          Records: records.map(({ key, data }) => ({ PartitionKey: key, Data: data })),
        }),
        { abortSignal },
      );
      return records.map((_, position) => outcomeOf(Records[position]));
    } catch (error) {
      signal.throwIfAborted();
      if (isThrottling(providerCodeOf(error))) return turnedAway(error, 'throttled', records);
      if (!isInvalid(error)) throw partnerError(error, 'PutRecords', this.uri);
      if (records.length === 1) return turnedAway(error, 'refused', records);
      // One record is to blame, say because the stream's limit was lowered since its proof: its neighbours go through.
      const middle = records.length >> 1;
      const first = await this.#send(records.slice(0, middle), signal);
      return [...first, ...(await this.#send(records.slice(middle), signal))];
    }
  }

  close(): Promise<void> {
    this.client.destroy();
    return Promise.resolve();
  }
}

export const openEventSink =
  (timeouts: KinesisTimeouts): NonNullable<Connector['openEventSink']> =>
  async (credentials, target, environment) => {
    const access = accessOf(credentials);
    const stream = String(target['stream']);
    const uri = uriOf(access, stream);
    const client = await openClient(access, environment, timeouts).catch((error: unknown) => {
      throw partnerError(error, 'PutRecords', uri);
    });
    return new KinesisSink(client, stream, uri, limitsOf(credentials.findings), timeouts.send, environment.signal);
  };
