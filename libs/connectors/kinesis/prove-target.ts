import {
  DescribeStreamSummaryCommand,
  type KinesisClient,
  KinesisServiceException,
  PutRecordsCommand,
  type PutRecordsResultEntry,
  type StreamDescriptionSummary,
} from '@aws-sdk/client-kinesis';
import { Checklist, type Probe } from '../checklist.js';
import { plain } from '../plain.js';
import type { Connector, Environment, EventRecord, Findings, Proof } from '../port.js';
import { type Access, accessOf, uriOf } from './access.js';
import { type KinesisTimeouts, openClient } from './client.js';
import { problemOf, providerCodeOf } from './failure.js';
import { limitsOf } from './limits.js';
import { iamPolicy } from './policy.js';
import { probing } from './prove-credentials.js';

/** Hash keys end one below: no shard is for this one, so that no service keeps a record of it. */
const NO_HASH_KEY = String(1n << 128n);

/** What a service says to a record that it would keep, were it not for its hash key or for its being a trial. */
const WOULD_KEEP = ['InvalidArgumentException', 'DryRunOperationException'];

/** One proof of one stream. Nothing is put into it but a test record that was asked for. */
class TargetProof {
  readonly #checks: Checklist;
  readonly #describe: Probe;
  readonly #put: Probe;

  constructor(
    private readonly access: Access,
    private readonly environment: Environment,
    private readonly timeouts: KinesisTimeouts,
    private readonly stream: string,
    private readonly testRecord: EventRecord | undefined,
  ) {
    this.#checks = new Checklist((error) => {
      const problem = problemOf(error);
      if (problem.code !== 'permission-denied' || problem.provider !== 'AccessDeniedException') return problem;
      return { ...problem, remedy: `Let the account's policy be ${iamPolicy(stream, access.region)}` };
    });
    const resource = uriOf(access, stream);
    this.#describe = { name: 'stream', call: 'DescribeStreamSummary', resource };
    this.#put = { name: 'write', call: 'PutRecords', resource };
  }

  async prove(): Promise<Proof> {
    let client: KinesisClient | undefined;
    try {
      client = await openClient(this.access, this.environment, this.timeouts);
      return await this.#proveWith(client);
    } catch (error) {
      this.environment.signal.throwIfAborted();
      await this.#checks.run(this.#describe, () => Promise.reject(error as Error), '');
      this.#checks.skipped(this.#put, 'Not tried, since the stream was not found.');
      return this.#checks.proof({});
    } finally {
      client?.destroy();
    }
  }

  async #proveWith(client: KinesisClient): Promise<Proof> {
    const startedAt = performance.now();
    const summary = await this.#summaryOf(client).catch((error: unknown) => {
      this.environment.signal.throwIfAborted();
      const problem = problemOf(error);
      // Who may write need not be allowed to look.
      const optional = problem.code === 'permission-denied';
      if (!optional) throw error;
      this.#checks.failed(
        { ...this.#describe, optional },
        {
          ...problem,
          remedy: `Delivery can do without it. To have the stream and its limits looked at: ${iamPolicy(this.stream, this.access.region)}`,
        },
        startedAt,
      );
      return undefined;
    });
    if (summary) this.#tell(summary, startedAt);
    await (this.testRecord ? this.#write(client, this.testRecord) : this.#tryToWrite(client, summary));
    this.environment.signal.throwIfAborted();
    return this.#checks.proof(findingsOf(summary));
  }

  async #summaryOf(client: KinesisClient): Promise<StreamDescriptionSummary> {
    const { StreamDescriptionSummary } = await probing(client, this.environment, this.timeouts, (each, options) =>
      each.send(new DescribeStreamSummaryCommand({ StreamName: this.stream }), options),
    );
    if (!StreamDescriptionSummary) throw new Error('The answer describes no stream.');
    return StreamDescriptionSummary;
  }

  #tell(summary: StreamDescriptionSummary, startedAt: number): void {
    this.#checks.passed(this.#describe, 'The stream is there.', startedAt);
    const status = plain(summary.StreamStatus ?? 'unknown');
    const active = { ...this.#describe, name: 'active' };
    if (status === 'ACTIVE' || status === 'UPDATING') {
      this.#checks.passed(active, `The stream takes records (${status}).`, startedAt);
    } else {
      const going = status === 'DELETING';
      this.#checks.failed(
        active,
        {
          code: going ? 'not-found' : 'unexpected',
          provider: status,
          message: going ? 'The stream is being deleted.' : `The stream takes no records yet (${status}).`,
          remedy: going ? 'Name another stream.' : 'Try again when the stream is active, in a minute or so.',
        },
        startedAt,
      );
    }
    this.#checks.passed({ ...this.#describe, name: 'throughput' }, throughputOf(summary), startedAt);
  }

  async #write(client: KinesisClient, { key, data }: EventRecord): Promise<void> {
    const record = { PartitionKey: key, Data: data };
    await this.#checks.run(
      this.#put,
      async () => {
        const { Records } = await probing(client, this.environment, this.timeouts, (each, options) =>
          each.send(new PutRecordsCommand({ StreamName: this.stream, Records: [record] }), options),
        );
        return placeOf(Records?.[0]);
      },
      (place) => `A test record of ${data.length} bytes was put and stays in the stream, in ${place}.`,
    );
  }

  /** A record that no shard is for, as a dry run: a service that knows either says whether we might, and keeps nothing. */
  async #tryToWrite(client: KinesisClient, summary: StreamDescriptionSummary | undefined): Promise<void> {
    const record = { PartitionKey: 'waybill-probe', Data: Buffer.from('{}'), ExplicitHashKey: NO_HASH_KEY };
    const encrypted = summary?.EncryptionType === 'KMS';
    await this.#checks.run(
      this.#put,
      () =>
        probing(client, this.environment, this.timeouts, (each, options) =>
          each.send(new PutRecordsCommand({ StreamName: this.stream, Records: [record], DryRun: true }), options),
        ).then(
          () => 'Records can be put. This service kept the record that it was tried with: {}.',
          (error: unknown) => {
            if (!WOULD_KEEP.includes(providerCodeOf(error))) throw error;
            const proven = 'Records can be put: one was turned away for nothing but its hash key, and none was kept.';
            if (!encrypted) return proven;
            return `${proven} Whether the account may use the KMS key of the stream shows with the first that is kept.`;
          },
        ),
      (message) => message,
    );
  }
}

/** Where a record was put; else an error as if the request had been of this record alone. */
const placeOf = ({ ShardId, SequenceNumber, ErrorCode, ErrorMessage }: PutRecordsResultEntry = {}): string => {
  if (SequenceNumber !== undefined) return `${plain(ShardId ?? 'a shard')} at ${plain(SequenceNumber)}`;
  throw new KinesisServiceException({
    name: ErrorCode ?? 'InternalFailure',
    message: ErrorMessage ?? 'The answer says nothing of the record.',
    $fault: 'server',
    $metadata: { httpStatusCode: 500 },
  });
};

const modeOf = ({ StreamModeDetails }: StreamDescriptionSummary) =>
  StreamModeDetails?.StreamMode === 'ON_DEMAND' ? 'ON_DEMAND' : 'PROVISIONED';

const throughputOf = (summary: StreamDescriptionSummary): string => {
  const shards = summary.OpenShardCount ?? 0;
  const { recordBytes, requestBytes } = limitsOf(findingsOf(summary));
  const limits = `Records may have ${recordBytes / 1024} KiB with their keys, requests ${requestBytes / 1024 ** 2} MiB.`;
  if (modeOf(summary) === 'ON_DEMAND')
    return `On demand: the stream grows with its use; ${shards} shards now. ${limits}`;
  return `${shards} shard${shards === 1 ? '' : 's'}: ${shards} MiB and ${shards * 1_000} records a second. ${limits}`;
};

const findingsOf = (summary: StreamDescriptionSummary | undefined): Findings =>
  summary === undefined
    ? { maxRecordKiB: null, shards: null, mode: null }
    : {
        maxRecordKiB: summary.MaxRecordSizeInKiB ?? null,
        shards: summary.OpenShardCount ?? null,
        mode: modeOf(summary),
      };

export const proveTarget =
  (timeouts: KinesisTimeouts): Connector['proveTarget'] =>
  (credentials, target, environment, testRecord) =>
    new TargetProof(accessOf(credentials), environment, timeouts, String(target['stream']), testRecord).prove();
