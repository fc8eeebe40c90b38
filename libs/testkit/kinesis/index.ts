import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../faults/index.js';
import { sha256Hex, signatureProblem, signerOf } from '../sigv4/index.js';
import type { Fault } from './fault.js';
import { startKinesalite } from './kinesalite.js';
import { KinesisError } from './kinesis-error.js';
import { checkLimits } from './limits.js';
import { breakConnection, type Certificate, listen, type Protocol, type Request, type Response } from './listener.js';
import { createMemoryStore } from './memory.js';
import type { Placed, PutRecordsInput } from './store.js';

export type { Fault } from './fault.js';
export { KinesisError } from './kinesis-error.js';
export type { Protocol } from './listener.js';
export type { RequestRecord } from './store.js';

export interface KinesisServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** Access key id to secret access key; default one user, see `KinesisServer.accessKeyId`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Streams to begin with: name to number of shards. */
  readonly streams?: Readonly<Record<string, number>>;
  /** Default both, as AWS does. */
  readonly speaks?: Protocol | 'both';
  /** To speak TLS with. */
  readonly certificate?: Certificate;
  /** How far the server's clock is from ours. */
  readonly clockOffsetMs?: number;
  /** What takes the records behind the checks: `kinesalite` (the default), or `memory`, which is faster and takes large ones. */
  readonly store?: 'kinesalite' | 'memory';
  /** Hears of the records of each request that were kept. */
  readonly onRecords?: (stream: string, records: number) => void;
}

export type Operation = 'DescribeStreamSummary' | 'PutRecords';

export interface Call {
  readonly operation: string;
  readonly stream: string;
  readonly protocol: Protocol;
}

/** A record as a consumer would read it. */
export interface ReceivedRecord {
  readonly key: string;
  readonly data: Buffer;
  readonly shard: string;
  readonly sequenceNumber: string;
  /** When it came in, as `performance.now()` tells it. */
  readonly at: number;
}

/** Kinesis in front of kinesalite: checks signatures and limits as AWS does, and misbehaves when told to. */
export interface KinesisServer {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Every request that came in, oldest first. */
  readonly calls: readonly Call[];
  /** How many connections were made so far. */
  connections(): number;
  /** Operations that nobody has a right to. */
  readonly denied: Set<Operation>;
  /** By stream: what its summary tells beside or instead of the truth, such as `{ StreamStatus: 'CREATING' }`. */
  readonly summaries: Map<string, Readonly<Record<string, unknown>>>;
  /** All records of a stream, those of a shard in their order. */
  received(stream: string): readonly ReceivedRecord[];
  /** Lets go of the records received so far. */
  forget(): void;
  /** The next so many requests for an operation meet this fault. */
  inject(on: Operation, fault: Fault, times?: number): void;
  /** Resolves when the next request for an operation has come in. */
  asked(on: Operation): Promise<void>;
  /** Takes back faults, denied rights and made-up summaries, and forgets calls; records stay. */
  reset(): void;
  stop(): Promise<void>;
}

const DEFAULT_USERS: Readonly<Record<string, string>> = { WAYBILLTESTKEY: 'waybill/test+secret' };

interface Kept extends Placed {
  readonly key: string;
  readonly base64: string;
  readonly at: number;
}

const readBody = async (request: Request): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(request, 'end');
  return Buffer.concat(chunks);
};

const orderOf = ({ ShardId, SequenceNumber }: Kept): string => `${ShardId} ${SequenceNumber.padStart(60, '0')}`;

export const startKinesisServer = async (options: KinesisServerOptions = {}): Promise<KinesisServer> => {
  const { region = 'us-east-1', users = DEFAULT_USERS, streams = {}, clockOffsetMs = 0 } = options;
  const store = options.store === 'memory' ? createMemoryStore() : await startKinesalite();
  for (const [name, shards] of Object.entries(streams)) await store.createStream(name, shards);
  const calls: Call[] = [];
  const denied = new Set<Operation>();
  const summaries = new Map<string, Readonly<Record<string, unknown>>>();
  const kept = new Map<string, Kept[]>();
  const faults = new Faults<Operation, Fault>();

  const checkSignature = (request: Request, body: Buffer): void => {
    const signer = signerOf(request);
    if (!signer) throw new KinesisError('MissingAuthenticationTokenException', 'Missing Authentication Token');
    const secret = users[signer.accessKeyId];
    if (secret === undefined) {
      throw new KinesisError('UnrecognizedClientException', 'The security token included in the request is invalid.');
    }
    if (signer.region !== region || signer.service !== 'kinesis') {
      const message = `Credential should be scoped to a valid region, not '${signer.region}'. `;
      throw new KinesisError('InvalidSignatureException', message);
    }
    const problem = signatureProblem(request, secret, sha256Hex(body), Date.now() + clockOffsetMs);
    if (problem === 'skewed') {
      const message = `Signature expired: ${String(request.headers['x-amz-date'])} is now earlier than allowed.`;
      throw new KinesisError('InvalidSignatureException', message);
    }
    if (problem) {
      throw new KinesisError(
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
      );
    }
  };

  const checkRight = (operation: Operation, stream: string): void => {
    if (!denied.has(operation)) return;
    const resource = `arn:aws:kinesis:${region}:000000000000:stream/${stream}`;
    throw new KinesisError(
      'AccessDeniedException',
      `User: arn:aws:iam::000000000000:user/waybill is not authorized to perform: kinesis:${operation} on resource: ${resource}`,
    );
  };

  const describe = async (stream: string): Promise<Readonly<Record<string, unknown>>> => ({
    ...(await store.describe(stream)),
    ...summaries.get(stream),
  });

  const putRecords = async (input: PutRecordsInput, fault: Fault | undefined): Promise<object> => {
    const { StreamName, Records } = input;
    const largest = summaries.get(StreamName)?.['MaxRecordSizeInKiB'];
    checkLimits(Records, typeof largest === 'number' ? largest : undefined);
    if (input.DryRun) throw new KinesisError('DryRunOperationException', 'The request would have succeeded.');
    const at = performance.now();
    const refused = Records.map((record, position) =>
      fault?.kind === 'refuse-records' && fault.which(record, position) ? fault.code : undefined,
    );
    const taken = Records.filter((_, position) => refused[position] === undefined);
    const placed = taken.length === 0 ? [] : await store.put({ StreamName, Records: taken });
    const records = kept.get(StreamName) ?? [];
    kept.set(StreamName, records);
    taken.forEach(({ PartitionKey, Data }, i) => records.push({ key: PartitionKey, base64: Data, at, ...placed[i]! }));
    options.onRecords?.(StreamName, taken.length);
    let next = 0;
    return {
      FailedRecordCount: Records.length - taken.length,
      Records: refused.map((code) =>
        code ? { ErrorCode: code, ErrorMessage: `Injected: ${code} in ${StreamName}.` } : placed[next++],
      ),
    };
  };

  const work = async (request: Request, body: Buffer, take: (operation: Operation) => Fault | undefined) => {
    const operation = String(request.headers['x-amz-target']).replace('Kinesis_20131202.', '');
    const input = JSON.parse(body.toString()) as PutRecordsInput;
    const protocol = request.httpVersionMajor === 2 ? 'http/2' : 'http/1.1';
    calls.push({ operation, stream: input.StreamName, protocol });
    if (operation !== 'DescribeStreamSummary' && operation !== 'PutRecords') {
      throw new KinesisError('UnknownOperationException', `This server does no ${operation}.`);
    }
    const fault = take(operation);
    if (fault?.kind === 'answer') throw fault.error;
    checkSignature(request, body);
    checkRight(operation, input.StreamName);
    return operation === 'PutRecords'
      ? putRecords(input, fault)
      : { StreamDescriptionSummary: await describe(input.StreamName) };
  };

  const serve = async (request: Request, response: Response): Promise<void> => {
    let fault: Fault | undefined;
    let status = 200;
    const answer = await readBody(request)
      .then((body) => work(request, body, (operation) => (fault = faults.take(operation))))
      .catch((error: unknown) => {
        const {
          code,
          message,
          status: failed,
        } = error instanceof KinesisError ? error : new KinesisError('InternalFailure', String(error), 500);
        status = failed;
        return { __type: code, message };
      });
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'lose-answer') return breakConnection(request);
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      date: new Date(Date.now() + clockOffsetMs).toUTCString(),
    };
    response.writeHead(status, headers);
    response.end(JSON.stringify(answer));
  };

  const listener = await listen(
    options.port ?? 0,
    options.speaks ?? 'both',
    options.certificate,
    (request, response) => void serve(request, response),
  );
  const [accessKeyId = '', secretAccessKey = ''] = Object.entries(users)[0] ?? [];
  return {
    endpoint: listener.endpoint,
    region,
    accessKeyId,
    secretAccessKey,
    calls,
    connections: () => listener.connections(),
    denied,
    summaries,
    received: (stream) =>
      (kept.get(stream) ?? [])
        .map((record) => ({ record, order: orderOf(record) }))
        .sort((one, other) => (one.order < other.order ? -1 : 1))
        .map(({ record: { key, base64, ShardId, SequenceNumber, at } }) => ({
          key,
          data: Buffer.from(base64, 'base64'),
          shard: ShardId,
          sequenceNumber: SequenceNumber,
          at,
        })),
    forget: () => kept.clear(),
    inject: (on, fault, times = 1) => faults.add(on, fault, times),
    asked: (on) => faults.nextOf(on),
    reset: () => {
      faults.clear();
      denied.clear();
      summaries.clear();
      calls.length = 0;
    },
    stop: async () => {
      await listener.stop();
      await store.close();
    },
  };
};
