import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../faults/index.js';
import { sha256Hex } from '../sigv4/index.js';
import { assumeRole, type Role, type Session } from './assume-role.js';
import type { Fault } from './faults.js';
import { type Call, callOf, type Operation, type Right, RIGHT_OF } from './operation.js';
import { type Answer, HANDLERS, type State } from './operations.js';
import { readPayload } from './payload.js';
import { accessDenied, S3Error } from './s3-error.js';
import { knownSigner, verifySignature } from './signature.js';
import { document, element } from './xml.js';

export type { Role } from './assume-role.js';
export type { Fault } from './faults.js';
export type { Call, Operation, Right } from './operation.js';
export type { Bucket, StoredObject, Upload } from './storage.js';

export interface S3ServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Default `us-east-1`. */
  readonly region?: string;
  /** Access key id to secret access key; default one user, see `S3Server.accessKeyId`. */
  readonly users?: Readonly<Record<string, string>>;
  /** Names of buckets to begin with; as an object: name to region. */
  readonly buckets?: readonly string[] | Readonly<Record<string, string>>;
  readonly roles?: Readonly<Record<string, Role>>;
  /** `If-None-Match` on a write: as AWS does, as if it were not there (Ceph 16), or answered with 501. */
  readonly conditionalWrites?: State['conditionalWrites'];
  /** Checksum headers: as AWS does, SHA-256 unknown, or all taken and none heeded (Ceph 16). */
  readonly checksums?: State['checksums'];
  /** How far the server's clock is from ours. */
  readonly clockOffsetMs?: number;
}

/** An S3 and STS server in memory that checks signatures as AWS does, for tests that need a fault at the right moment. */
export interface S3Server {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** What it holds; a test may look and change. */
  readonly buckets: State['buckets'];
  readonly uploads: State['uploads'];
  /** Every request that came in, oldest first. */
  readonly calls: readonly Call[];
  /** Rights that everybody lacks. */
  readonly denied: Set<Right>;
  /** The next so many requests for an operation meet this fault. */
  inject(on: Operation, fault: Fault, times?: number): void;
  /** Resolves when the next request for an operation has come in. */
  asked(on: Operation): Promise<void>;
  /** Takes back faults and denied rights, and forgets calls. */
  reset(): void;
  stop(): Promise<void>;
}

const DEFAULT_USERS: Readonly<Record<string, string>> = { WAYBILLTESTKEY: 'waybill/test+secret' };

/** Reads the body; a `cut` fault breaks the connection on the way. */
const readBody = async (request: IncomingMessage, fault: Fault | undefined): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (fault?.kind === 'cut' && bytes >= fault.afterBytes) request.socket.destroy();
  }
  const body = Buffer.concat(chunks);
  if (fault?.kind === 'corrupt' && body.length > 0) body[body.length >> 1]! ^= 1;
  return body;
};

const errorAnswer = ({ code, message, status, details, headers }: S3Error, operation?: Operation): Answer => {
  const error = element('Error', [
    element('Code', code),
    element('Message', message),
    ...Object.entries(details).map(([name, text]) => element(name, text)),
    element('RequestId', 'waybill-test'),
  ]);
  return {
    status,
    headers: { ...headers, 'content-type': 'application/xml' },
    body: document(operation === 'AssumeRole' ? element('ErrorResponse', [error]) : error),
  };
};

export const startS3Server = async (options: S3ServerOptions = {}): Promise<S3Server> => {
  const { region = 'us-east-1', users = DEFAULT_USERS, buckets = [], clockOffsetMs = 0 } = options;
  const initial = Array.isArray(buckets)
    ? buckets.map((name: string) => [name, region] as const)
    : Object.entries(buckets as Readonly<Record<string, string>>);
  const state: State = {
    region,
    buckets: new Map(initial.map(([name, of]) => [name, { name, region: of, objects: new Map() }])),
    uploads: new Map(),
    denied: new Set(),
    conditionalWrites: options.conditionalWrites ?? 'honoured',
    checksums: options.checksums ?? 'all',
  };
  const roles = new Map(Object.entries(options.roles ?? {}));
  const sessions = new Map<string, Session>();
  const calls: Call[] = [];
  const faults = new Faults<Operation, Fault>();
  const now = () => Date.now() + clockOffsetMs;

  const secretOf = (request: IncomingMessage): string => {
    const { accessKeyId } = knownSigner(request);
    const session = sessions.get(accessKeyId);
    if (session) {
      if (request.headers['x-amz-security-token'] !== session.sessionToken) {
        throw new S3Error(400, 'InvalidToken', 'The provided token is malformed or otherwise invalid.');
      }
      if (session.expiresAt.getTime() <= now())
        throw new S3Error(400, 'ExpiredToken', 'The provided token has expired.');
      return session.secretAccessKey;
    }
    const secret = users[accessKeyId];
    if (secret !== undefined) return secret;
    throw new S3Error(403, 'InvalidAccessKeyId', 'The AWS Access Key Id you provided does not exist in our records.');
  };

  /** Like AWS: a bucket elsewhere is a redirect, a wrong region in the signature a complaint that names the right one. */
  const checkRegion = (signed: string, bucket: string): void => {
    const home = state.buckets.get(bucket)?.region ?? region;
    if (signed === home) return;
    if (home !== region) {
      throw new S3Error(
        301,
        'PermanentRedirect',
        'The bucket you are attempting to access must be addressed using the specified endpoint.',
        { Bucket: bucket },
        { 'x-amz-bucket-region': home },
      );
    }
    throw new S3Error(
      400,
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; the region '${signed}' is wrong; expecting '${region}'`,
      { Region: region },
    );
  };

  const work = async (request: IncomingMessage, call: Call, fault: Fault | undefined): Promise<Answer> => {
    if (fault?.kind === 'answer') {
      request.resume();
      throw new S3Error(fault.status, fault.code, fault.message ?? `Injected: ${fault.code}.`);
    }
    const raw = await readBody(request, fault);
    const signer = knownSigner(request);
    const payloadHash = request.headers['x-amz-content-sha256'];
    verifySignature(
      request,
      secretOf(request),
      payloadHash === undefined ? sha256Hex(raw) : String(payloadHash),
      now(),
    );
    if (call.operation === 'AssumeRole') {
      return { status: 200, body: assumeRole(new URLSearchParams(raw.toString()), roles, sessions, now()) };
    }
    checkRegion(signer.region, call.bucket);
    if (state.denied.has(RIGHT_OF[call.operation])) throw accessDenied();
    const payload = readPayload(request.headers, raw, state.checksums !== 'ignored');
    return HANDLERS[call.operation]({ ...call, headers: request.headers, payload }, state);
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let call: Call | undefined;
    let fault: Fault | undefined;
    let answer: Answer;
    try {
      call = callOf(request);
      calls.push(call);
      fault = faults.take(call.operation);
      answer = await work(request, call, fault);
    } catch (error) {
      if (request.destroyed && !request.complete) return;
      answer = errorAnswer(
        error instanceof S3Error ? error : new S3Error(500, 'InternalError', String(error)),
        call?.operation,
      );
    }
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'delay') await sleep(fault.ms);
    if (fault?.kind === 'lose-answer') return void request.socket.destroy();
    response.writeHead(answer.status, { date: new Date(now()).toUTCString(), ...answer.headers });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  };

  const server = createServer((request, response) => void serve(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const [accessKeyId = '', secretAccessKey = ''] = Object.entries(users)[0] ?? [];
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region,
    accessKeyId,
    secretAccessKey,
    buckets: state.buckets,
    uploads: state.uploads,
    calls,
    denied: state.denied,
    inject: (on, fault, times = 1) => faults.add(on, fault, times),
    asked: (on) => faults.nextOf(on),
    reset: () => {
      faults.clear();
      state.denied.clear();
      calls.length = 0;
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
