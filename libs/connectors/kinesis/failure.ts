import { WaybillError } from '@waybill/kernel';
import { type Rule, silenceRule, statusOf, thrownBySdk, TIMED_OUT } from '../aws-failure.js';
import type { Problem } from '../checklist.js';
import { HostError } from '../network.js';
import type { CheckCode } from '../port.js';

/** Kinesis's own code, such as `ResourceNotFoundException`, without the name space that some servers put before it. */
export const providerCodeOf = (error: unknown): string => {
  const { name = 'Error', code } = thrownBySdk(error);
  const status = statusOf(error);
  if (status === 0) return code ?? name;
  return RULES[name] || /^\w{1,60}(?:Exception|Failure)$/.test(name) ? name : `HTTP ${status}`;
};

const BAD_KEY: Rule = {
  code: 'bad-key',
  message: 'The server does not know this access key id.',
  remedy:
    'Check the access key id: it may be mistyped, deleted, or belong to another provider or a region that is not enabled.',
};

const UNREADABLE_KEY: Rule = {
  code: 'bad-key',
  message: 'The server could not read the signature.',
  remedy: 'Check the access key id for characters that do not belong there.',
};

const BAD_SECRET: Rule = {
  code: 'bad-secret',
  message: 'The server knows the access key id, and the secret access key does not belong to it.',
  remedy: 'Enter the secret access key again, without spaces around it.',
};

const WRONG_REGION: Rule = {
  code: 'wrong-region',
  message: 'The server takes no signatures for this region.',
  remedy: 'Set the region to the one that the endpoint belongs to.',
};

const CLOCK_SKEW: Rule = {
  code: 'clock-skew',
  message: "This machine's clock and the server's are too far apart.",
  remedy: "Set this machine's clock right, with NTP.",
};

const NO_RIGHT: Rule = {
  code: 'permission-denied',
  message: 'The server knows who asks and does not allow it.',
  remedy: 'Have the right granted by the owner of the stream.',
};

const NO_KEY_RIGHT: Rule = {
  code: 'permission-denied',
  message: 'The stream is encrypted with a KMS key that the account may not use.',
  remedy: 'Have kms:GenerateDataKey granted on the key of the stream.',
};

const NO_KEY: Rule = {
  code: 'unexpected',
  message: 'The stream is encrypted with a KMS key that is not usable now.',
  remedy: 'Ask the owner of the stream to enable its KMS key, or to choose another.',
};

const NO_SUPPORT: Rule = {
  code: 'not-supported',
  message: 'The server does not support this call.',
  remedy: 'Ask the partner whether their service offers it.',
};

const THROTTLED: Rule = {
  code: 'unexpected',
  message: 'The server is asked too much at the moment.',
  remedy: 'Try again in a while; if it stays so, ask for more shards or a higher limit.',
};

const INVALID: Rule = {
  code: 'unexpected',
  message: 'The server finds the request invalid.',
  remedy: 'Check that the service is a current one; ask the partner what their logs say.',
};

/** By Kinesis's own code; `InvalidSignatureException` means three things and is told apart by its message. */
const RULES: Readonly<Record<string, Rule>> = {
  UnrecognizedClientException: BAD_KEY,
  InvalidClientTokenId: BAD_KEY,
  MissingAuthenticationTokenException: UNREADABLE_KEY,
  IncompleteSignatureException: UNREADABLE_KEY,
  IncompleteSignature: UNREADABLE_KEY,
  InvalidSignatureException: BAD_SECRET,
  AccessDeniedException: NO_RIGHT,
  SubscriptionRequiredException: NO_RIGHT,
  OptInRequired: NO_RIGHT,
  KMSAccessDeniedException: NO_KEY_RIGHT,
  KMSOptInRequired: NO_KEY_RIGHT,
  KMSDisabledException: NO_KEY,
  KMSInvalidStateException: NO_KEY,
  KMSNotFoundException: NO_KEY,
  ResourceNotFoundException: {
    code: 'not-found',
    message: 'There is no such stream in this region.',
    remedy: 'Check the name of the stream, and the region of the account.',
  },
  UnknownOperationException: NO_SUPPORT,
  ProvisionedThroughputExceededException: THROTTLED,
  LimitExceededException: THROTTLED,
  ThrottlingException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  KMSThrottlingException: THROTTLED,
  // Of a proxy or a gateway in between.
  TooManyRequestsException: THROTTLED,
  'HTTP 429': THROTTLED,
  ValidationException: INVALID,
  InvalidArgumentException: INVALID,
  SerializationException: INVALID,
};

const ofSignature = (message: string): Rule => {
  if (/valid region|Credential should be scoped/i.test(message)) return WRONG_REGION;
  return /Signature (?:expired|not yet current)/i.test(message) ? CLOCK_SKEW : BAD_SECRET;
};

const NOT_KINESIS: Rule = {
  code: 'not-supported',
  message: 'Something answers there, but not as Kinesis does.',
  remedy: 'Check the endpoint: it is the address of the Kinesis service, not of a console.',
};

const ruleFor = (error: unknown): Rule => {
  const status = statusOf(error);
  const provider = providerCodeOf(error);
  if (provider === 'InvalidSignatureException') return ofSignature(thrownBySdk(error).message ?? '');
  const known = RULES[provider] ?? silenceRule(error);
  if (known) return known;
  if (status >= 500) {
    return {
      code: 'unexpected',
      message: `The server is busy or broken (HTTP ${status}).`,
      remedy: 'Try again in a while; if it stays so, ask the partner.',
    };
  }
  if (provider.startsWith('HTTP ') || status === 0) return NOT_KINESIS;
  return { ...INVALID, message: `The server refused it (${provider}).` };
};

/** What anything thrown by a call means. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof HostError) {
    return { code: error.code, provider: error.providerCode, message: error.message, remedy: error.remedy };
  }
  const rule = ruleFor(error);
  return { ...rule, provider: rule === TIMED_OUT ? undefined : providerCodeOf(error) };
};

export const isThrottling = (provider: string): boolean => RULES[provider] === THROTTLED;

/** Whether the server refused a request for what stands in it. */
export const isInvalid = (error: unknown): boolean => ruleFor(error) === INVALID || statusOf(error) === 413;

const SLUGS: Partial<Record<CheckCode, string>> = {
  'permission-denied': 'partner-permission-denied',
  'not-found': 'partner-target-missing',
};

/** The same as an error of the sink. The SDK's own is not attached: it holds headers and signatures. */
export const partnerError = (error: unknown, call: string, resource: string): WaybillError => {
  const { code, provider, message, remedy } = problemOf(error);
  const detail = `${call} on ${resource} failed (${provider ?? code}). ${message} ${remedy}`.trim();
  if (code === 'timed-out') return new WaybillError('partner-timeout', 'unavailable', detail);
  // The SDK sets its own clock by the server's when it hears of a difference: the next request is right.
  if (code === 'unreachable' || code === 'clock-skew' || statusOf(error) >= 500) {
    return new WaybillError('partner-unavailable', 'unavailable', detail);
  }
  return new WaybillError(SLUGS[code] ?? 'partner-rejected', 'refused', detail);
};
