import { createHmac, timingSafeEqual } from 'node:crypto';

export type Right = 'Send' | 'Listen' | 'Manage';

/** A shared access policy. */
export interface Policy {
  readonly key: string;
  readonly rights: readonly Right[];
  /** The one hub it is a policy of; left out: of the whole namespace. */
  readonly hub?: string;
}

/** An error as AMQP carries it; Event Hubs answers requests with a status beside it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly condition: string,
    readonly description: string,
  ) {
    super(description);
  }
}

export const unauthorized = (description: string): Refusal =>
  new Refusal(401, 'amqp:unauthorized-access', `${description} TrackingId:waybill-test`);

export const notFound = (entity: string): Refusal =>
  new Refusal(404, 'amqp:not-found', `The messaging entity '${entity}' could not be found. TrackingId:waybill-test`);

/** What a token allows until it expires. */
export interface Claim {
  readonly keyName: string;
  readonly hub: string;
  readonly expiresAt: number;
}

/** `sb://host:port/hub/Partitions/1` or `hub/$management`: the hub. */
export const hubIn = (address: string): string => address.replace(/^[a-z]+:\/\/[^/]+\//, '').split('/')[0] ?? '';

const TOKEN = /^SharedAccessSignature (?<fields>\S+)$/;

const same = (a: string, b: string): boolean =>
  Buffer.byteLength(a) === Buffer.byteLength(b) && timingSafeEqual(Buffer.from(a), Buffer.from(b));

/**
 * Verifies a shared access signature as Event Hubs does: one answer for a wrong name and a wrong key
 * (https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature).
 */
export const claimOf = (
  token: string,
  policies: ReadonlyMap<string, Policy>,
  now: number,
  /** What the token is to be good for; left out: what it says itself. */
  wanted?: string,
): Claim => {
  const fields = new Map(
    TOKEN.exec(token)
      ?.groups?.['fields']?.split('&')
      .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]),
  );
  const [resource = '', expiry = '', signature = '', keyName = ''] = ['sr', 'se', 'sig', 'skn'].map((name) =>
    fields.get(name),
  );
  const covered = decodeURIComponent(resource);
  const audience = wanted ?? covered;
  const hub = hubIn(audience);
  const name = decodeURIComponent(keyName);
  const policy = policies.get(name);
  const known = policy && (policy.hub ?? hub) === hub;
  // What is signed is the resource as it was sent; the key is taken as the text it is.
  const right = known && createHmac('sha256', policy.key).update(`${resource}\n${expiry}`).digest('base64');
  if (!right || !same(right, decodeURIComponent(signature))) {
    throw unauthorized('InvalidSignature: The token has an invalid signature.');
  }
  if (!audience.toLowerCase().startsWith(covered.toLowerCase())) {
    throw unauthorized('InvalidAudience: The authorization header contains a token with a wrong audience.');
  }
  const expiresAt = Number(expiry) * 1000;
  if (!(expiresAt > now)) throw unauthorized('ExpiredToken: The token is expired.');
  return { keyName: name, hub, expiresAt };
};
