import { WaybillError } from '@waybill/kernel';
import type { Problem } from '../checklist.js';
import { HostError } from '../network.js';
import type { CheckCode } from '../port.js';

/**
 * Whom a failure concerns: the `destination` as a whole, or the records of one request, which then are to be sent again
 * slower (`throttled`), again (`failed`), or never (`refused`).
 */
export type Concern = 'destination' | 'throttled' | 'failed' | 'refused';

interface Rule {
  readonly code: CheckCode;
  readonly concern: Concern;
  readonly message: string;
  readonly remedy: string;
}

/** What went wrong at the partner, in the words of a report; told as a check by proofs, as an error or an outcome by the sink. */
export class EventHubsFailure extends Error implements Problem {
  readonly code: CheckCode;
  readonly concern: Concern;
  readonly remedy: string;

  constructor(
    { code, concern, message, remedy }: Rule,
    /** The SDK's, the service's or the system's own code, such as `ServerBusyError` or `ECONNREFUSED`. */
    readonly provider: string,
    /** How long the service asks to wait. */
    readonly waitMs?: number,
  ) {
    super(message);
    this.name = 'EventHubsFailure';
    this.code = code;
    this.concern = concern;
    this.remedy = remedy;
  }
}

const BAD_KEY: Rule = {
  code: 'bad-secret',
  concern: 'destination',
  message: 'The namespace does not accept the key: the name of the policy or its key is wrong.',
  remedy:
    'Copy the name and the key of the policy again. A policy of a single hub is known there only: name that hub in the account.',
};

const NO_RIGHT: Rule = {
  code: 'permission-denied',
  concern: 'destination',
  message: 'The policy does not allow it.',
  remedy: 'Give the policy the right to send (Send), or use one that has it.',
};

const NO_HUB: Rule = {
  code: 'not-found',
  concern: 'destination',
  message: 'There is no such hub in the namespace.',
  remedy: 'Check the name of the hub, and that it is in this namespace.',
};

const BUSY: Rule = {
  code: 'unexpected',
  concern: 'throttled',
  message: 'The service is busy: the namespace takes no more for now.',
  remedy: 'Try again in a while; if it stays so, have the partner add throughput units.',
};

const TRY_AGAIN: Rule = {
  code: 'unexpected',
  concern: 'failed',
  message: 'The service did not take it.',
  remedy: 'Try again; if it stays so, ask the partner what the metrics of their namespace say.',
};

/** What the SDK calls the conditions of AMQP, and of Event Hubs. Whatever is not here is worth another try. */
const RULES: Readonly<Record<string, Rule>> = {
  UnauthorizedError: NO_RIGHT,
  InvalidSignature: BAD_KEY,
  InvalidAudience: BAD_KEY,
  ExpiredToken: {
    code: 'clock-skew',
    concern: 'destination',
    message: "The service finds our signature expired: this machine's clock is far behind.",
    remedy: "Set this machine's clock right, with NTP.",
  },
  MessagingEntityNotFoundError: NO_HUB,
  ServiceCommunicationError: NO_HUB,
  MessagingEntityDisabledError: {
    code: 'permission-denied',
    concern: 'destination',
    message: 'The hub is disabled.',
    remedy: 'Have the partner enable it.',
  },
  ServerBusyError: BUSY,
  SenderBusyError: BUSY,
  InsufficientCreditError: BUSY,
  QuotaExceededError: {
    ...TRY_AGAIN,
    message: 'A quota of the namespace is used up.',
    remedy: 'Have the partner look at the quotas of their namespace, such as its connections.',
  },
  MessageTooLargeError: {
    code: 'unexpected',
    concern: 'refused',
    message: 'The service finds the message larger than it allows.',
    remedy: 'Send less of a profile, or have the partner choose a tier that allows larger messages.',
  },
  ArgumentError: { ...TRY_AGAIN, concern: 'refused', message: 'The service does not accept what it was sent.' },
  DecodeError: { ...TRY_AGAIN, concern: 'refused', message: 'The service cannot read what it was sent.' },
};

const NOT_AMQP: Rule = {
  code: 'not-supported',
  concern: 'destination',
  message: 'What answers does not speak AMQP 1.0.',
  remedy: 'Check the host and the port: Event Hubs listens on 5671, its emulator (without TLS) on 5672.',
};

/** A text of the partner's for a person: one line, without what only Azure's support can use. */
const plain = (text: string): string =>
  text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/\s*TrackingId:.*$/s, '')
    .slice(0, 300)
    .trim();

const waitIn = (text: string): number | undefined => {
  const seconds = /wait (\d+) seconds?/i.exec(text)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1_000;
};

/** As far as we look at what the SDK throws. */
interface ThrownBySdk {
  readonly name?: string;
  readonly code?: string;
  readonly message?: string;
}

/** The failure behind anything that a call of the SDK threw. */
export const failureOf = (error: unknown): EventHubsFailure => {
  if (error instanceof EventHubsFailure) return error;
  const thrown: ThrownBySdk = typeof error === 'object' && error !== null ? error : {};
  const { name = 'Error', code, message = '' } = thrown;
  // One code of the SDK's stands for many causes; the service tells them apart in its text.
  const cause = code === 'UnauthorizedError' ? /^(\w+):/.exec(message)?.[1] : undefined;
  const provider = cause !== undefined && cause in RULES ? cause : (code ?? name);
  const rule = RULES[provider] ?? TRY_AGAIN;
  const text = plain(message);
  return new EventHubsFailure(
    text === '' ? rule : { ...rule, message: `${rule.message} It says: ${text}` },
    provider,
    rule.concern === 'throttled' ? waitIn(message) : undefined,
  );
};

export const timedOut = (what: string, milliseconds: number): EventHubsFailure =>
  new EventHubsFailure(
    {
      code: 'timed-out',
      concern: 'failed',
      message: `The service did not answer within ${milliseconds / 1_000} s: ${what}.`,
      remedy: 'Check the host and the port; a firewall may drop what we send. If they are right, try again later.',
    },
    'ETIMEDOUT',
  );

const UNREACHABLE = { code: 'unreachable', concern: 'failed' } as const;

export const notReached = (place: string, { code = 'ECONNREFUSED' }: NodeJS.ErrnoException): EventHubsFailure =>
  new EventHubsFailure(
    {
      ...UNREACHABLE,
      message: code === 'ECONNREFUSED' ? `${place} refuses connections.` : `${place} cannot be reached.`,
      remedy: "Check the host and the port, and that the namespace's firewall lets our addresses in.",
    },
    code,
  );

export const notSecured = (place: string, { code, message }: NodeJS.ErrnoException): EventHubsFailure =>
  new EventHubsFailure(
    {
      ...UNREACHABLE,
      message: `No secure connection could be made to ${place}: ${plain(message)}.`,
      remedy: "Check that TLS is spoken on this port, and that the certificate is valid for the host's name.",
    },
    code ?? 'ECONNRESET',
  );

export const notAmqp = (): EventHubsFailure => new EventHubsFailure(NOT_AMQP, 'ProtocolError');

export const connectionLost = (cause?: NodeJS.ErrnoException): EventHubsFailure => {
  if (cause instanceof EventHubsFailure) return cause;
  const rule: Rule = {
    ...UNREACHABLE,
    message: `The connection was lost${cause ? `: ${plain(cause.message)}` : ''}.`,
    remedy: 'Try again; if it stays so, ask the partner whether a firewall cuts connections.',
  };
  return new EventHubsFailure(rule, cause?.code ?? 'ECONNRESET');
};

/** The provider's code of a link that was closed, by the service or for a reason that nobody looked at. */
export const CLOSED = 'DetachForcedError';

export const linkClosed = (): EventHubsFailure =>
  new EventHubsFailure({ ...TRY_AGAIN, message: 'The service closed the link before it answered.' }, CLOSED);

export const noHubNamed: Problem = {
  code: 'not-found',
  message: 'Neither the destination nor its account names a hub.',
  remedy: 'Name the event hub in the destination, or in the account.',
};

/** What any error of this folder means, for a check. */
export const problemOf = (error: unknown): Problem => {
  if (error instanceof HostError) {
    const { code, message, remedy, providerCode } = error;
    return { code, message, remedy, provider: providerCode };
  }
  if (error instanceof EventHubsFailure) return error;
  throw error;
};

const SLUGS: Partial<Record<CheckCode, string>> = {
  'permission-denied': 'partner-permission-denied',
  'not-found': 'partner-target-missing',
  unreachable: 'partner-unavailable',
  'timed-out': 'partner-timeout',
};

/** The same as an error that concerns the whole destination (EventSink); anything else is handed on as it is. */
export const toWaybillError = (error: unknown): unknown => {
  if (error instanceof HostError && error.code === 'address-refused')
    return asWaybillError('partner-rejected', 'refused', error);
  if (error instanceof HostError) return asWaybillError('partner-unavailable', 'unavailable', error);
  if (!(error instanceof EventHubsFailure)) return error;
  const unavailable = error.concern === 'failed' || error.concern === 'throttled';
  const slug = SLUGS[error.code] ?? (unavailable ? 'partner-unavailable' : 'partner-rejected');
  return asWaybillError(slug, unavailable ? 'unavailable' : 'refused', error);
};

const asWaybillError = (
  slug: string,
  kind: 'refused' | 'unavailable',
  error: HostError | EventHubsFailure,
): WaybillError => {
  const waitMs = error instanceof EventHubsFailure ? error.waitMs : undefined;
  return new WaybillError(slug, kind, `${error.message} ${error.remedy}`.trim(), {
    ...(waitMs === undefined ? {} : { retryAfterSeconds: Math.ceil(waitMs / 1_000) }),
    cause: error,
  });
};
