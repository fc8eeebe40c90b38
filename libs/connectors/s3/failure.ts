import { WaybillError } from '@waybill/kernel';
import { type Rule, silenceRule, statusOf, thrownBySdk, type ThrownBySdk, TIMED_OUT } from '../aws-failure.js';
import type { Problem } from '../checklist.js';
import { HostError } from '../network.js';
import type { CheckCode } from '../port.js';

/** S3's own code, such as `NoSuchKey`; a HEAD has no body to carry one, so there it is the status. */
export const providerCodeOf = (error: unknown): string => {
  const { name = 'Error', code } = thrownBySdk(error);
  const status = statusOf(error);
  if (status === 0) return code ?? name;
  return ['Unknown', 'UnknownError', 'Error', 'NotFound'].includes(name) ? `HTTP ${status}` : name;
};

/** The region that a bucket or an endpoint is in, where the error says so. */
export const regionIn = (error: unknown): string | undefined => {
  const { Region, $response } = thrownBySdk(error) as ThrownBySdk & { readonly Region?: string };
  return Region ?? $response?.headers?.['x-amz-bucket-region'];
};

const BAD_KEY: Rule = {
  code: 'bad-key',
  message: 'The server does not know this access key id.',
  remedy: 'Check the access key id: it may be mistyped, deleted, or belong to another provider.',
};

const OLD_TOKEN: Rule = {
  code: 'bad-key',
  message: 'The temporary credentials are no longer valid.',
  remedy: 'Try again; if it stays so, let the account be connected anew.',
};

const ELSEWHERE: Rule = {
  code: 'wrong-region',
  message: 'The region is wrong, and the server does not say which is right.',
  remedy: "Give the bucket's region in the account.",
};

const NO_RIGHT: Rule = {
  code: 'permission-denied',
  message: 'The server knows who asks and does not allow it.',
  remedy: "Have the right granted by the bucket's owner.",
};

const NO_SUPPORT: Rule = {
  code: 'not-supported',
  message: 'The server does not support this call.',
  remedy: 'Ask the partner whether their store offers it.',
};

const DAMAGED: Rule = {
  code: 'unexpected',
  message: 'The bytes that arrived were not those that were sent.',
  remedy: 'Try again; if it stays so, ask the partner what stands between us and the store.',
};

const FULL: Rule = {
  code: 'storage-full',
  message: 'The store has no room left for this account.',
  remedy: 'Ask the partner to free space or raise the quota.',
};

/** By S3's or STS's own code. */
const RULES: Readonly<Record<string, Rule>> = {
  InvalidAccessKeyId: BAD_KEY,
  InvalidClientTokenId: BAD_KEY,
  AuthorizationHeaderMalformed: BAD_KEY,
  SignatureDoesNotMatch: {
    code: 'bad-secret',
    message: 'The server knows the access key id, and the secret access key does not belong to it.',
    remedy: 'Enter the secret access key again, without spaces around it.',
  },
  InvalidToken: OLD_TOKEN,
  ExpiredToken: OLD_TOKEN,
  RequestTimeTooSkewed: {
    code: 'clock-skew',
    message: "This machine's clock and the server's are more than 15 minutes apart.",
    remedy: "Set this machine's clock right, with NTP.",
  },
  PermanentRedirect: ELSEWHERE,
  TemporaryRedirect: ELSEWHERE,
  IllegalLocationConstraintException: ELSEWHERE,
  AccessDenied: NO_RIGHT,
  AllAccessDisabled: NO_RIGHT,
  AccountProblem: NO_RIGHT,
  NoSuchBucket: {
    code: 'not-found',
    message: 'There is no such bucket.',
    remedy: 'Check the name of the bucket, and that it is at this endpoint.',
  },
  BadDigest: DAMAGED,
  XAmzContentSHA256Mismatch: DAMAGED,
  NotImplemented: NO_SUPPORT,
  MethodNotAllowed: NO_SUPPORT,
  QuotaExceeded: FULL,
  XMinioStorageFull: FULL,
  InsufficientCapacity: FULL,
  CredentialsProviderError: {
    code: 'not-supported',
    message: 'This Waybill has no AWS identity of its own, with which it could assume a role.',
    remedy: 'The operator gives it one (AWS_ACCESS_KEY_ID or an instance role), or the account uses an access key.',
  },
};

const BY_STATUS: Readonly<Record<number, Rule>> = { 403: NO_RIGHT, 405: NO_SUPPORT, 501: NO_SUPPORT, 507: FULL };

const ruleFor = (error: unknown): Rule => {
  const status = statusOf(error);
  const provider = providerCodeOf(error);
  const region = regionIn(error);
  if (region && (status === 301 || provider === 'AuthorizationHeaderMalformed')) {
    return { code: 'wrong-region', message: `The right region is ${region}.`, remedy: `Set the region to ${region}.` };
  }
  const silence = silenceRule(error);
  if (silence === TIMED_OUT) return silence;
  const rule = RULES[provider] ?? BY_STATUS[status] ?? silence;
  if (rule) return rule;
  if (status >= 500 || status === 429) {
    return {
      code: 'unexpected',
      message: `The server is busy or broken (HTTP ${status}).`,
      remedy: 'Try again in a while; if it stays so, ask the partner.',
    };
  }
  return {
    code: 'unexpected',
    message: status === 0 ? 'The answer could not be understood.' : `The server refused it (HTTP ${status}).`,
    remedy: 'Check that the endpoint is an S3 service; if it is, ask the partner what their logs say.',
  };
};

/** A role did not let us in, so that the call it was for was not made. */
export class RoleError extends Error {
  constructor(
    readonly roleArn: string,
    readonly problem: Problem,
  ) {
    super(`${roleArn} could not be assumed: ${problem.message}`);
    this.name = 'RoleError';
  }
}

/** What anything thrown by a call means. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof RoleError) {
    const { problem, message } = error;
    // Not a right on the bucket: nobody came so far as to ask for one.
    return { ...problem, message, code: problem.code === 'permission-denied' ? 'bad-key' : problem.code };
  }
  if (error instanceof HostError) {
    return { code: error.code, provider: error.providerCode, message: error.message, remedy: error.remedy };
  }
  const rule = ruleFor(error);
  return { ...rule, provider: rule === TIMED_OUT ? undefined : providerCodeOf(error) };
};

const SLUGS: Partial<Record<CheckCode, string>> = {
  'permission-denied': 'partner-permission-denied',
  'storage-full': 'partner-storage-full',
  'timed-out': 'partner-timeout',
  unreachable: 'partner-unavailable',
};

/** The same as an error of the sink. The SDK's own is not attached: it holds headers and signatures. */
export const partnerError = (error: unknown, call: string, resource: string): WaybillError => {
  if (error instanceof WaybillError) return error;
  const { code, provider, message, remedy } = problemOf(error);
  const status = statusOf(error);
  const passing = status >= 500 || status === 429 || status === 409 || RULES[provider ?? ''] === DAMAGED;
  const busy = code === 'unexpected' && passing;
  const worthARetry = busy || code === 'timed-out' || code === 'unreachable';
  return new WaybillError(
    busy ? 'partner-unavailable' : (SLUGS[code] ?? 'partner-rejected'),
    worthARetry ? 'unavailable' : 'refused',
    `${call} of ${resource} failed (${provider ?? code}). ${message} ${remedy}`.trim(),
  );
};
