import type { Scope } from '@waybill/kernel';
import type { Credentials } from '../port.js';

export interface AccessKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A role of a tenant's. Every member tells accounts apart, so that nobody is handed another's temporary credentials. */
export interface Role {
  readonly scope: Scope;
  readonly accountId: string;
  readonly roleArn: string;
  readonly externalId: string;
  /** Of the STS that is asked. */
  readonly region: string;
}

/** Where to ask, and as whom: an account in the terms of this connector. */
export interface Access {
  /** Of another store than AWS. */
  readonly endpoint?: string | undefined;
  readonly forcePathStyle: boolean;
  /** What the account states: a bucket elsewhere is then an error, not a discovery. */
  readonly statedRegion?: string | undefined;
  /** What to sign for. */
  readonly region: string;
  readonly identity: AccessKey | Role;
}

/** AWS answers for every region there, if only to name the right one. */
const DEFAULT_REGION = 'us-east-1';

/** A field of a form that the account fills in; null and '' count as left out. */
const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** The account behind credentials that its forms let through. */
export const accessOf = ({ scope, accountId, method, authentication, findings }: Credentials): Access => {
  const statedRegion = text(authentication['region']);
  const region = statedRegion ?? text(findings['region']) ?? DEFAULT_REGION;
  if (method === 'assume-role') {
    const [roleArn, externalId] = [String(authentication['roleArn']), String(authentication['externalId'])];
    const identity = { scope, accountId, roleArn, externalId, region: statedRegion ?? DEFAULT_REGION };
    return { forcePathStyle: false, statedRegion, region, identity };
  }
  const endpoint = text(authentication['endpoint']);
  const pathStyle = authentication['forcePathStyle'];
  return {
    endpoint,
    // AWS wants the bucket before the host; most other stores have no certificate or name for that.
    forcePathStyle: typeof pathStyle === 'boolean' ? pathStyle : endpoint !== undefined,
    statedRegion,
    region,
    identity: {
      accessKeyId: String(authentication['accessKeyId']),
      secretAccessKey: String(authentication['secretAccessKey']),
    },
  };
};

/** The address of the store. */
export const placeOf = ({ endpoint, region }: Access): string => endpoint ?? `https://s3.${region}.amazonaws.com`;
