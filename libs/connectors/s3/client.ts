import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { guardedLookup, HostError, type NetworkPolicy, resolveAllowed } from '../network.js';
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

const HTTPS_ONLY = new HostError(
  'address-refused',
  'An http:// endpoint would carry files unencrypted.',
  'Use https://, or let the operator allow private networks (WAYBILL_ALLOW_PRIVATE_NETWORKS).',
);

const checkEndpoint = async (endpoint: string, policy: NetworkPolicy): Promise<void> => {
  const { protocol, hostname } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Node asks no lookup for a host that is an address already.
  if (isIP(host)) await resolveAllowed(host, policy);
  if (protocol === 'http:' && !policy.allowPrivateNetworks) throw HTTPS_ONLY;
};

/**
 * Errors of Node's own sockets, as errors of this realm. The SDK knows none but its own realm's `Error` and drops the code
 * of any other, which it needs to tell what may be tried again; under jest's contexts the realms differ.
 */
const inOurRealm = (error: unknown): unknown => {
  if (error instanceof Error || typeof error !== 'object' || error === null) return error;
  const { name, message, code } = error as { name?: string; message?: string; code?: string };
  return Object.assign(new Error(message), { name, code });
};

/** A client of one account that connects to allowed addresses only. Rejects with a HostError for an endpoint that is none. */
export const openClient = async (
  { endpoint, region, forcePathStyle }: Access,
  credentials: NonNullable<S3ClientConfig['credentials']>,
  policy: NetworkPolicy,
  timeouts: S3Timeouts,
  maxAttempts: number,
): Promise<S3Client> => {
  if (endpoint !== undefined) await checkEndpoint(endpoint, policy);
  const agent = { keepAlive: true, maxSockets: 16, lookup: guardedLookup(policy) };
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
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
      connectionTimeout: timeouts.connect,
      socketTimeout: timeouts.idle,
    },
  });
  client.middlewareStack.add(
    (next) => (args) =>
      next(args).catch((error: unknown) => {
        throw inOurRealm(error);
      }),
    { step: 'deserialize', priority: 'low', name: 'inOurRealm' },
  );
  return client;
};
