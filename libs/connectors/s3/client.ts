import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { checkEndpoint, guardedAgents, keepRealm } from '../aws-client.js';
import type { NetworkPolicy } from '../network.js';
import type { Access } from './access.js';

/** Milliseconds. */
export interface S3Timeouts {
  /** Until a connection is made. */
  readonly connect: number;
  /** Without a byte in either direction: a large part may take long, a silent server may not. */
  readonly idle: number;
  /** For one call of a proof, its retries included. */
  readonly probe: number;
  /** For cleaning up after a failure. */
  readonly cleanup: number;
}

export const TIMEOUTS: S3Timeouts = { connect: 5_000, idle: 30_000, probe: 10_000, cleanup: 10_000 };

/** A client of one account that connects to allowed addresses only. Rejects with a HostError for an endpoint that is none. */
export const openClient = async (
  { endpoint, region, forcePathStyle }: Access,
  credentials: NonNullable<S3ClientConfig['credentials']>,
  policy: NetworkPolicy,
  timeouts: S3Timeouts,
  maxAttempts: number,
): Promise<S3Client> => {
  if (endpoint !== undefined) await checkEndpoint(endpoint, policy);
  const client = new S3Client({
    region,
    credentials,
    forcePathStyle,
    maxAttempts,
    ...(endpoint === undefined ? {} : { endpoint }),
    // What stands in this machine's environment is the operator's, not the tenant's.
    ignoreConfiguredEndpointUrls: true,
    useArnRegion: false,
    retryMode: 'standard',
    // Checksums are this connector's business: older servers refuse what the SDK would add.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK sends a body that expects "100 Continue" through an agent of its own, past the address guard.
    expectContinueHeader: false,
    requestHandler: {
      ...guardedAgents(policy, { maxSockets: 16 }),
      connectionTimeout: timeouts.connect,
      socketTimeout: timeouts.idle,
    },
  });
  keepRealm(client);
  return client;
};
