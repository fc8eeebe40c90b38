import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { guardedLookup, HostError, type NetworkPolicy, resolveAllowed } from './network.js';

const HTTPS_ONLY = new HostError(
  'address-refused',
  'An http:// endpoint would carry data unencrypted.',
  'Use https://, or let the operator allow private networks (WAYBILL_ALLOW_PRIVATE_NETWORKS).',
);

/** Rejects with a HostError for an endpoint that may not be connected to. */
export const checkEndpoint = async (endpoint: string, policy: NetworkPolicy): Promise<void> => {
  const { protocol, hostname } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Node asks no lookup for a host that is an address already.
  if (isIP(host)) await resolveAllowed(host, policy);
  if (protocol === 'http:' && !policy.allowPrivateNetworks) throw HTTPS_ONLY;
};

/**
 * For the SDK's handler of HTTP/1.1: agents that connect to allowed addresses only. `timeout`: milliseconds after which
 * they let go of an unused connection; a request in flight is not touched.
 */
export const guardedAgents = (
  policy: NetworkPolicy,
  options: { readonly maxSockets: number; readonly timeout?: number },
) => {
  const agent = { keepAlive: true, ...options, lookup: guardedLookup(policy) };
  return { httpAgent: new HttpAgent(agent), httpsAgent: new HttpsAgent(agent) };
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

/** The part of every SDK client's middleware stack that `keepRealm` uses. */
interface MiddlewareStack {
  add(
    middleware: (next: (args: never) => Promise<never>) => (args: never) => Promise<never>,
    options: { readonly step: 'deserialize'; readonly priority: 'low'; readonly name: string },
  ): void;
}

export const keepRealm = ({ middlewareStack }: { readonly middlewareStack: unknown }): void =>
  (middlewareStack as MiddlewareStack).add(
    (next) => (args) =>
      next(args).catch((error: unknown) => {
        throw inOurRealm(error);
      }),
    { step: 'deserialize', priority: 'low', name: 'inOurRealm' },
  );
