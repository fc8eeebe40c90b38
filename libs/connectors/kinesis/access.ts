import type { Credentials } from '../port.js';

/** The two ways in which HTTP is spoken. AWS takes both; behind an endpoint of another kind often stands one. */
export type Transport = 'http/1.1' | 'http/2';

/** Where to ask, and as whom: an account in the terms of this connector. */
export interface Access {
  /** Of something else than AWS in the region. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** As the proof of the account found it. */
  readonly transport: Transport;
}

/** The account behind credentials that its form let through. */
export const accessOf = ({ authentication, findings }: Credentials): Access => {
  const { endpoint, region, accessKeyId, secretAccessKey } = authentication;
  return {
    endpoint: typeof endpoint === 'string' && endpoint !== '' ? endpoint : undefined,
    region: String(region),
    accessKeyId: String(accessKeyId),
    secretAccessKey: String(secretAccessKey),
    transport: findings['transport'] === 'http/2' ? 'http/2' : 'http/1.1',
  };
};

/** The address of the service. */
export const placeOf = ({ endpoint, region }: Access): string =>
  endpoint ?? `https://kinesis.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;

/** A stream as the checks and the errors name it. */
export const uriOf = ({ region }: Access, stream: string): string => `kinesis://${region}/${stream}`;
