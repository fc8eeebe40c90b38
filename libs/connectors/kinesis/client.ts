import { KinesisClient } from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler, NodeHttpHandler } from '@smithy/node-http-handler';
import { checkEndpoint, guardedAgents, keepRealm } from '../aws-client.js';
import { guardedLookup, type NetworkPolicy } from '../network.js';
import type { Access } from './access.js';

/** Milliseconds. */
export interface KinesisTimeouts {
  /** Until a connection is made. */
  readonly connect: number;
  /** Until an unused connection is let go: before the server does, lest a request meet that. */
  readonly idle: number;
  /** For one call of a proof. */
  readonly probe: number;
  /** For one request with records, up to 10 MiB. */
  readonly send: number;
}

export const TIMEOUTS: KinesisTimeouts = { connect: 5_000, idle: 4_000, probe: 10_000, send: 30_000 };

/** Requests in flight at once over HTTP/1.1; HTTP/2 puts them on one connection. */
const MOST_CONNECTIONS = 16;

/**
 * A client of one account that connects to allowed addresses only and tries each call once. Every call of it needs a
 * deadline of its own. Rejects with a HostError for an endpoint that is not allowed.
 */
export const openClient = async (
  { endpoint, region, transport, accessKeyId, secretAccessKey }: Access,
  policy: NetworkPolicy,
  timeouts: KinesisTimeouts,
): Promise<KinesisClient> => {
  if (endpoint !== undefined) await checkEndpoint(endpoint, policy);
  const client = new KinesisClient({
    region,
    credentials: { accessKeyId, secretAccessKey },
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint }),
    // What stands in this machine's environment is the operator's, not the tenant's.
    ignoreConfiguredEndpointUrls: true,
    requestHandler:
      transport === 'http/2'
        ? new NodeHttp2Handler({ nodeHttp2ConnectOptions: { lookup: guardedLookup(policy) } })
        : new NodeHttpHandler({
            ...guardedAgents(policy, { maxSockets: MOST_CONNECTIONS, timeout: timeouts.idle }),
            connectionTimeout: timeouts.connect,
          }),
  });
  keepRealm(client);
  return client;
};
