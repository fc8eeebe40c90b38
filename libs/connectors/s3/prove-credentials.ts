import { ListBucketsCommand } from '@aws-sdk/client-s3';
import { statusOf } from '../aws-failure.js';
import { Checklist, type Probe, type Problem } from '../checklist.js';
import type { Connector, Environment, Proof } from '../port.js';
import { type Access, placeOf, type Role } from './access.js';
import { problemOf, regionIn, RoleError } from './failure.js';
import type { Gateway } from './gateway.js';

/** What a server answered to the question who we are. */
interface Answer {
  readonly startedAt: number;
  /** Of HTTP; 0 when none came. */
  readonly status: number;
  readonly problem?: Problem;
  /** Named by the server, because the request was signed for another. */
  readonly rightRegion?: string | undefined;
}

const NOT_S3: Problem = {
  code: 'not-supported',
  message: 'Something answers there, but not as S3 does.',
  remedy: 'Check the endpoint: it is the address of the S3 service, not of a console and not of a bucket.',
};

/**
 * A GET for the list of buckets: errors of a GET carry a code, those of a HEAD do not. Tried once, since the SDK would set
 * its clock by the server's before it tries again, and nobody would learn that this machine's is wrong.
 */
const ask = async (gateway: Gateway, access: Access, environment: Environment): Promise<Answer> => {
  const startedAt = performance.now();
  const signal = AbortSignal.any([environment.signal, AbortSignal.timeout(gateway.timeouts.probe)]);
  try {
    const client = await gateway.open(access, environment, 1);
    const { Buckets, Owner } = await client
      .send(new ListBucketsCommand(), { abortSignal: signal })
      .finally(() => client.destroy());
    return { startedAt, status: 200, ...(Buckets || Owner ? {} : { problem: NOT_S3 }) };
  } catch (error) {
    environment.signal.throwIfAborted();
    return { startedAt, status: statusOf(error), problem: problemOf(error), rightRegion: regionIn(error) };
  }
};

const report = (access: Access, { startedAt, status, problem, rightRegion }: Answer): Proof => {
  const checks = new Checklist(problemOf);
  const [connect, authenticate, region] = ['connect', 'authenticate', 'region'].map((name) => ({
    name,
    call: 'ListBuckets',
    resource: placeOf(access),
  })) as [Probe, Probe, Probe];

  if (problem && (status === 0 || problem === NOT_S3 || problem.code === 'unexpected')) {
    checks.failed(connect, problem, startedAt);
    checks.skipped(authenticate, 'Not tried, since no S3 server answers.');
    checks.skipped(region, 'Not tried, since no S3 server answers.');
    return checks.proof({});
  }
  checks.passed(connect, 'The server answers.', startedAt);
  if (problem?.code === 'wrong-region') {
    checks.skipped(authenticate, 'Not tried, since the region is wrong.');
    const message = `The account states the region ${access.region}; the server is in ${rightRegion}.`;
    checks.failed(region, { ...problem, message }, startedAt);
    return checks.proof({});
  }
  // Who may not list all buckets has been recognised all the same.
  if (problem && problem.code !== 'permission-denied') {
    checks.failed(authenticate, problem, startedAt);
    checks.skipped(region, 'Not tried, since the server does not know the account.');
    return checks.proof({});
  }
  checks.passed(authenticate, 'The server knows the access key, and the signature is right.', startedAt);
  checks.passed(region, `The server takes signatures for ${access.region}.`, startedAt);
  return checks.proof({ region: access.region });
};

/** The policy by which a role lets us in, and nobody who merely learned its name. */
const trustPolicy = (externalId: string): string =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: "<the AWS account of Waybill's operator>" },
        Action: 'sts:AssumeRole',
        Condition: { StringEquals: { 'sts:ExternalId': externalId } },
      },
    ],
  });

const proveRole = async (role: Role, { roles }: Gateway): Promise<Proof> => {
  const checks = new Checklist((error) => {
    const problem = error instanceof RoleError ? error.problem : problemOf(error);
    if (problem.code !== 'permission-denied') return problem;
    return {
      ...problem,
      message: `${role.roleArn} cannot be assumed under this external id.`,
      remedy: `Check the ARN, and let the role's trust policy be ${trustPolicy(role.externalId)}`,
    };
  });
  await checks.run(
    { name: 'assume-role', call: 'AssumeRole', resource: `https://sts.${role.region}.amazonaws.com` },
    () => roles.assume(role),
    ({ expiration }) => `${role.roleArn} lets us in under this external id, until ${expiration.toISOString()}.`,
  );
  return checks.proof({});
};

/** Who the account is. What it may do belongs to a target. */
export const proveCredentials =
  (gateway: Gateway): Connector['proveCredentials'] =>
  async (credentials, environment) => {
    const access = gateway.accessOf(credentials);
    if ('roleArn' in access.identity) return proveRole(access.identity, gateway);
    const answer = await ask(gateway, access, environment);
    if (answer.rightRegion === undefined || access.statedRegion !== undefined) return report(access, answer);
    const found = { ...access, region: answer.rightRegion };
    return report(found, await ask(gateway, found, environment));
  };
