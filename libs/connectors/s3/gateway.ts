import type { S3Client } from '@aws-sdk/client-s3';
import type { Credentials, Environment } from '../port.js';
import { type Access, accessOf } from './access.js';
import { type AssumedRoles, openAssumedRoles, type StsSettings } from './assumed-roles.js';
import { openClient, type S3Timeouts, TIMEOUTS } from './client.js';

export interface S3Options {
  readonly timeouts?: Partial<S3Timeouts>;
  /** Where AWS is for accounts without an endpoint, and who we are there; unset: AWS itself, this machine's identity. */
  readonly aws?: StsSettings & { readonly s3Endpoint?: string };
  /** Bytes of the numbered part; see `partSizeAt`. */
  readonly partSize?: (number: number) => number;
}

/** What every call of this connector goes through: one set of deadlines, one keeper of assumed roles. */
export interface Gateway {
  readonly timeouts: S3Timeouts;
  readonly roles: AssumedRoles;
  accessOf(credentials: Credentials): Access;
  /** `attempts`: how often a call is tried in all. Rejects with a HostError for an endpoint that is not allowed. */
  open(access: Access, environment: Environment, attempts: number): Promise<S3Client>;
}

export const openGateway = ({ timeouts: own, aws: { s3Endpoint, ...sts } = {} }: S3Options): Gateway => {
  const timeouts = { ...TIMEOUTS, ...own };
  const roles = openAssumedRoles(sts, timeouts);
  return {
    timeouts,
    roles,
    accessOf: (credentials) => {
      const access = accessOf(credentials);
      const elsewhere = access.endpoint === undefined && s3Endpoint !== undefined;
      return elsewhere ? { ...access, endpoint: s3Endpoint, forcePathStyle: true } : access;
    },
    open: (access, environment, attempts) => {
      const { identity } = access;
      const credentials = 'roleArn' in identity ? () => roles.current(identity) : identity;
      return openClient(access, credentials, environment, timeouts, attempts);
    },
  };
};
