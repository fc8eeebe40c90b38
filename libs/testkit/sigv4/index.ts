import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** AWS refuses requests whose time is further from its own. */
const MAX_SKEW_MS = 15 * 60_000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=(?<accessKeyId>.+)\/(?<date>\d{8})\/(?<region>[^/]+)\/(?<service>[^/]+)\/aws4_request, ?SignedHeaders=(?<signedHeaders>[^,]+), ?Signature=(?<signature>[0-9a-f]{64})$/;

/** A request of HTTP/1.1 or, as Node's compatibility API shows it, of HTTP/2. */
export interface SignedRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Who a request says it comes from, and what for; proven only by `signatureProblem`. */
export interface Signer {
  readonly accessKeyId: string;
  /** What the request claims to be signed for. */
  readonly region: string;
  readonly service: string;
}

type Parts = Record<'accessKeyId' | 'date' | 'region' | 'service' | 'signedHeaders' | 'signature', string>;

const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();

export const sha256Hex = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const headerOf = ({ headers }: SignedRequest, name: string): string => {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).trim().replace(/ +/g, ' ');
};

/** `20261122T144552Z` as milliseconds. */
const parseAmzDate = (text: string): number =>
  Date.parse(text.replace(/^(....)(..)(..)T(..)(..)(..)Z$/, '$1-$2-$3T$4:$5:$6Z'));

const partsOf = (request: SignedRequest): Parts | undefined =>
  AUTHORIZATION.exec(headerOf(request, 'authorization'))?.groups as Parts | undefined;

/** Undefined when the request is not signed by header. */
export const signerOf = (request: SignedRequest): Signer | undefined => partsOf(request);

/**
 * What is wrong with a signature of AWS Signature Version 4, headers only; undefined when it is right
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). In HTTP/2 the signed header
 * is `:authority` where it is `host` in HTTP/1.1.
 */
export const signatureProblem = (
  request: SignedRequest,
  secret: string,
  payloadHash: string,
  now: number,
): 'missing' | 'mismatch' | 'skewed' | undefined => {
  const parts = partsOf(request);
  if (!parts) return 'missing';
  const { date, region, service, signedHeaders, signature } = parts;
  const url = new URL(request.url ?? '/', 'http://host');
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const canonical = [
    request.method,
    url.pathname,
    query.join('&'),
    ...signedHeaders.split(';').map((name) => `${name}:${headerOf(request, name)}`),
    '',
    signedHeaders,
    payloadHash,
  ].join('\n');
  const time = headerOf(request, 'x-amz-date');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256Hex(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, date), region), service), 'aws4_request');
  if (!timingSafeEqual(hmac(key, toSign), Buffer.from(signature, 'hex'))) return 'mismatch';
  return Math.abs(now - parseAmzDate(time)) <= MAX_SKEW_MS ? undefined : 'skewed';
};
