import { randomUUID } from 'node:crypto';
import { DescribeStreamSummaryCommand, type KinesisClient } from '@aws-sdk/client-kinesis';
import { Checklist, type Probe, type Problem } from '../checklist.js';
import { HostError } from '../network.js';
import type { Connector, Environment, Proof } from '../port.js';
import { type Access, accessOf, placeOf, type Transport } from './access.js';
import { type KinesisTimeouts, openClient } from './client.js';
import { problemOf } from './failure.js';

/** What a server answered to the question who we are. */
interface Answer {
  readonly startedAt: number;
  readonly transport: Transport;
  /** Absent: the server knows us and lets us ask. */
  readonly problem?: Problem;
  /** Another way to speak HTTP may do better. */
  readonly misunderstood?: boolean;
}

/** A call of a proof: with a deadline, and ended by the reason of an abort. */
export const probing = async <T>(
  client: KinesisClient,
  { signal }: Environment,
  { probe }: KinesisTimeouts,
  call: (client: KinesisClient, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> => {
  signal.throwIfAborted();
  try {
    return await call(client, { abortSignal: AbortSignal.any([signal, AbortSignal.timeout(probe)]) });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
};

/** Whether a server may be there that speaks the other HTTP: none answered as Kinesis does, though something is there. */
const isMisunderstanding = (error: unknown, { code, provider }: Problem): boolean =>
  code === 'not-supported' || (code === 'unreachable' && !(error instanceof HostError) && provider !== 'ECONNREFUSED');

/**
 * Asks for a stream that is not there: whether the server answers "not found" or "denied", it knows us then. Tried once,
 * since the SDK would set its clock by the server's before it tries again, and nobody would learn that this machine's is wrong.
 */
const ask = async (access: Access, environment: Environment, timeouts: KinesisTimeouts): Promise<Answer> => {
  const answer = { startedAt: performance.now(), transport: access.transport };
  const StreamName = `waybill-probe-${randomUUID()}`;
  let client: KinesisClient | undefined;
  try {
    client = await openClient(access, environment, timeouts);
    const { StreamDescriptionSummary } = await probing(client, environment, timeouts, (each, options) =>
      each.send(new DescribeStreamSummaryCommand({ StreamName }), options),
    );
    if (!StreamDescriptionSummary) throw new Error('The answer describes no stream.');
    return answer;
  } catch (error) {
    environment.signal.throwIfAborted();
    const problem = problemOf(error);
    if (problem.code === 'not-found' || problem.code === 'permission-denied') return answer;
    return { ...answer, problem, misunderstood: isMisunderstanding(error, problem) };
  } finally {
    client?.destroy();
  }
};

/** The answer over the transport that works; where none does, over the first. */
const askOverEither = async (access: Access, environment: Environment, timeouts: KinesisTimeouts): Promise<Answer> => {
  const first = await ask({ ...access, transport: 'http/1.1' }, environment, timeouts);
  if (!first.misunderstood) return first;
  const second = await ask({ ...access, transport: 'http/2' }, environment, timeouts);
  return second.misunderstood || second.problem?.code === 'timed-out' ? first : second;
};

/** A region that AWS does not have shows as a name that nobody knows. */
const inRegion = (problem: Problem, { endpoint, region }: Access): Problem =>
  endpoint === undefined && problem.provider === 'ENOTFOUND'
    ? {
        ...problem,
        code: 'wrong-region',
        message: `AWS has no Kinesis in a region ${region}.`,
        remedy: 'Check the region for a typing mistake.',
      }
    : problem;

const report = (access: Access, { startedAt, transport, problem: found }: Answer): Proof => {
  const checks = new Checklist(problemOf);
  const [connect, authenticate, region] = ['connect', 'authenticate', 'region'].map((name) => ({
    name,
    call: 'DescribeStreamSummary',
    resource: placeOf(access),
  })) as [Probe, Probe, Probe];
  const problem = found && inRegion(found, access);
  const identity = ['bad-key', 'bad-secret', 'clock-skew', 'wrong-region'];

  if (problem && (!identity.includes(problem.code) || problem.provider === 'ENOTFOUND')) {
    checks.failed(connect, problem, startedAt);
    checks.skipped(authenticate, 'Not tried, since no Kinesis service answers.');
    checks.skipped(region, 'Not tried, since no Kinesis service answers.');
    return checks.proof({});
  }
  checks.passed(connect, `The server answers, over ${transport.toUpperCase()}.`, startedAt);
  if (problem?.code === 'wrong-region') {
    checks.skipped(authenticate, 'Not tried, since the region is wrong.');
    const message = `The server takes no signatures for ${access.region}, the region that the account states.`;
    checks.failed(region, { ...problem, message }, startedAt);
    return checks.proof({});
  }
  if (problem) {
    checks.failed(authenticate, problem, startedAt);
    checks.skipped(region, 'Not tried, since the server does not know the account.');
    return checks.proof({});
  }
  checks.passed(authenticate, 'The server knows the access key, and the signature is right.', startedAt);
  checks.passed(region, `The server takes signatures for ${access.region}.`, startedAt);
  return checks.proof({ transport });
};

/** Who the account is, and how its server speaks. What it may do belongs to a target. */
export const proveCredentials =
  (timeouts: KinesisTimeouts): Connector['proveCredentials'] =>
  async (credentials, environment) => {
    const access = accessOf(credentials);
    return report(access, await askOverEither(access, environment, timeouts));
  };
